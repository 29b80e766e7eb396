"""The reconstruction pipeline without ROS: segment, crop, sculpt (network), scale, skin (mesh)."""

from gsn_perception.pipeline.devices import pick_device
from gsn_perception.pipeline.inputs.prepared_frame import PreparedFrame
from gsn_perception.pipeline.reconstructor import Reconstructor
from gsn_perception.pipeline.settings import ReconstructorSettings

__all__ = ["PreparedFrame", "Reconstructor", "ReconstructorSettings", "pick_device"]
