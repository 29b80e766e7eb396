"""PEIF: patch-level equivariant implicit function, from a point cloud to a displacement field (NeurIPS 2024)."""

from gsn_perception.surface.peif.config import CONFIGS
from gsn_perception.surface.peif.config import PeifConfig
from gsn_perception.surface.peif.config import named_config
from gsn_perception.surface.peif.field import PeifField
from gsn_perception.surface.peif.network import PeifNetwork
from gsn_perception.surface.peif.weights import load_peif
from gsn_perception.surface.peif.weights import save_peif

__all__ = ["CONFIGS", "PeifConfig", "PeifField", "PeifNetwork", "load_peif", "named_config", "save_peif"]
