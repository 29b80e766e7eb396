"""The constants every backend shares: 3DGS as gsplat's classic mode has them (Kerbl et al. 2023; Ye et al. 2024)."""

EPS2D = 0.3  # added to the diagonal of the 2-D covariance, pixels^2: no splat is thinner than a pixel
NEAR = 0.01  # splats nearer than this are not drawn
MAX_ALPHA = 0.999  # one splat never hides all behind it, so gradients survive
MIN_ALPHA = 1.0 / 255.0  # fainter contributions are skipped
MIN_TRANSMITTANCE = 1e-4  # a pixel is finished before its transmittance would fall this low
MEDIAN_TRANSMITTANCE = 0.5  # the median depth is that of the splat which takes the transmittance below it
FRUSTUM_MARGIN = 0.3  # the Jacobian is evaluated at most this fraction of the half field outside the image
