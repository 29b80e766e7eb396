"""Segmentation of images without a mask: by the support plane in depth, or by colour in a region of interest."""

from gsn_perception.segmentation.clusters import objects_above
from gsn_perception.segmentation.grabcut import cut_out
from gsn_perception.segmentation.masks.parts import depth_steps
from gsn_perception.segmentation.planes.contact import lies_on_plane
from gsn_perception.segmentation.planes.contact import support_plane_of
from gsn_perception.segmentation.planes.support_plane import fit_support_plane
from gsn_perception.segmentation.segment import Segments
from gsn_perception.segmentation.segment import find_objects
from gsn_perception.segmentation.segment import segment

__all__ = [
    "Segments",
    "cut_out",
    "depth_steps",
    "find_objects",
    "fit_support_plane",
    "lies_on_plane",
    "objects_above",
    "segment",
    "support_plane_of",
]
