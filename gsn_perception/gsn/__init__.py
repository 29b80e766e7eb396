"""Gaussian Sculpting Network (GSN): crop, network, metric scale, visibility of its Gaussians."""

from gsn_perception.gsn.config import CONFIGS
from gsn_perception.gsn.config import GsnConfig
from gsn_perception.gsn.config import named_config
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.network import network_input

__all__ = ["CONFIGS", "GSN", "GsnConfig", "named_config", "network_input"]
