"""The reconstruction pipeline without ROS: segment, crop, sculpt (network), scale, skin (mesh)."""

from typing import TYPE_CHECKING

from gsn_perception.late import late_names

if TYPE_CHECKING:
    from gsn_perception.pipeline.devices import pick_device
    from gsn_perception.pipeline.fusion.posed_view import PosedView
    from gsn_perception.pipeline.inputs.prepared_frame import PreparedFrame
    from gsn_perception.pipeline.reconstructor import Reconstructor
    from gsn_perception.pipeline.settings import ReconstructorSettings

__all__ = ["PosedView", "PreparedFrame", "Reconstructor", "ReconstructorSettings", "pick_device"]
__getattr__ = late_names(
    __name__,
    {
        "pick_device": "gsn_perception.pipeline.devices",
        "PosedView": "gsn_perception.pipeline.fusion.posed_view",
        "PreparedFrame": "gsn_perception.pipeline.inputs.prepared_frame",
        "Reconstructor": "gsn_perception.pipeline.reconstructor",
        "ReconstructorSettings": "gsn_perception.pipeline.settings",
    },
)
