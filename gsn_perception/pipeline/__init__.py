"""Observation in, reconstructions out: segment, look at, sculpt, scale, skin. No ROS here."""

from gsn_perception.pipeline.devices import pick_device
from gsn_perception.pipeline.inputs.crops import Looked
from gsn_perception.pipeline.reconstructor import Reconstructor
from gsn_perception.pipeline.settings import ReconstructorSettings

__all__ = ["Looked", "Reconstructor", "ReconstructorSettings", "pick_device"]
