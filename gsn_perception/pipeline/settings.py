"""Settings of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gsn_perception.engines.names import EngineName
from gsn_perception.engines.names import PrecisionName

UprightMode = Literal["auto", "moments", "off"]
PlaneScaleMode = Literal["auto", "learned", "quantile"]
MeshMethod = Literal["auto", "gaussians", "onet", "convonet", "peif"]


@dataclass(frozen=True, slots=True)
class ReconstructorSettings:
    """Settings of the pipeline; every field is also a parameter of the `reconstruction` node."""

    segmentation: Literal["auto", "plane", "grabcut"] = "auto"
    """How objects are found without a mask: auto takes `plane` with depth and `grabcut` with a region of interest."""
    use_depth: bool = True
    """Whether depth is used where there is any."""
    use_mask: bool = True
    """Whether a given mask is used."""
    trust_support_plane: bool = False
    """Keep a given support plane although the depth shows another one under the objects."""
    mask_mode: Literal["binary", "labels"] = "labels"
    """binary: every pixel above 0 is one object; labels: each value is an object."""
    clean_masks: bool = True
    """Remove from a given mask what is not the object by the depth, or without it by the mask alone: far pieces, rims of
    table or background, holes, stripes; and move a mask that lags."""
    max_extent: float = 0.6
    """Objects longer than this, metres, or with no side below a third of it get a remark: the unit of the depth is probably
    wrong; 0: never."""
    upright: UprightMode = "auto"
    """How crops are rolled before the network, so that rolling the camera rolls the answer: auto stands them upright on the
    support plane where it is known and leaves them as the camera saw them where it is not; moments by the silhouette's
    long axis; off never rolls."""
    plane_scale: PlaneScaleMode = "auto"
    """How the support plane gives the scale where there is no depth: learned by a network from the image, the splat and the
    plane; quantile puts the splat's lower end onto the plane; auto: learned with the weights for which that network was
    trained, else quantile."""
    plane_offset_error: float = 0.0
    """Standard deviation of the camera's distance from a support plane without depth, metres; for plane_scale learned."""
    plane_tilt_error: float = 0.0
    """Standard deviation of the direction of a support plane without depth, degrees; for plane_scale learned."""
    unit_scale: bool = False
    """Return normalised units instead of metres where nothing fixes the scale."""
    allow_cut: bool = False
    """Reconstruct objects that are cut by the image border."""
    min_mask_pixels: int = 150
    """Smaller masks are refused."""
    max_objects: int = 8
    """Most objects per frame; the largest masks are used."""
    min_depth: float = 0.05
    """Depth below this is unknown, metres."""
    max_depth: float = 5.0
    """Depth above this is unknown, metres."""
    refine_ms: float = 0.0
    """Time per frame for gradient steps of the splats against their input view, milliseconds; 0: none."""
    refine_steps: int = 40
    """Most of these steps per object."""
    opacity_threshold: float = 1.0 / 255.0
    """Gaussians below this opacity are dropped."""
    max_gaussians: int = 0
    """Most Gaussians per object, the most opaque first; 0 keeps all."""
    mesh_method: MeshMethod = "auto"
    """How the surface is made: from the splat itself or by a learned field; auto: convonet where depth was measured,
    gaussians elsewhere."""
    mesh_weights: str = ""
    """Weights of a learned field: a file, or empty for the shipped ones."""
    mesh_resolution: int = 64
    """Cells of the surface grid along an edge."""
    mesh_max_triangles: int = 20000
    """Triangle budget of a mesh."""
    points: int = 4096
    """Surface points sampled per object, and at most as many observed depth points."""
    engine: EngineName = "auto"
    """Library that runs the network: auto takes openvino on the CPU where it is installed, else torch."""
    precision: PrecisionName = "float32"
    """Arithmetic of the network's convolutions and matrix products; bfloat16 needs a processor or GPU that has it."""
    seed: int = 0
    """Seed of sampling."""
