"""Constants shared by all backends: those of 3DGS and gsplat's classic mode (Kerbl et al. 2023; Ye et al. 2024)."""

EPS2D = 0.3  # added to the diagonal of the 2-D covariance, pixels^2: no Gaussian is thinner than a pixel
NEAR = 0.01  # Gaussians nearer than this are not rendered
MAX_ALPHA = 0.999  # a Gaussian never hides everything behind it, so that gradients reach it
MIN_ALPHA = 1.0 / 255.0  # fainter contributions are skipped
MIN_TRANSMITTANCE = 1e-4  # a pixel is finished before its transmittance falls below this
MEDIAN_TRANSMITTANCE = 0.5  # the median depth is that of the Gaussian at which the transmittance falls below this
FRUSTUM_MARGIN = 0.3  # the Jacobian is evaluated at most this fraction of the half field outside the image
