"""Mesh methods: from a splat and the measured depth to a closed mesh; the setting ``mesh_method`` chooses one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import torch

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.gsn.network import GSN
from gsn_perception.pipeline.meshing.mesher import CLOUD
from gsn_perception.pipeline.meshing.mesher import GaussianMesher
from gsn_perception.pipeline.meshing.mesher import Mesher
from gsn_perception.pipeline.meshing.mesher import finished
from gsn_perception.pipeline.settings import MeshMethod
from gsn_perception.surface.solid.settings import SolidSettings

if TYPE_CHECKING:
    from gsn_perception.gsn.sculpted import Sculpted
    from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
    from gsn_perception.surface.learned.onet import OccupancyNetwork


@dataclass(frozen=True, slots=True, eq=False)
class ConvonetMesher:
    """Method ``convonet``: measured points and centres of the splat through a Convolutional Occupancy Network."""

    solid: SolidSettings
    network: ConvolutionalOccupancyNetwork
    info: Mapping[str, Any]
    seed: int = 0

    def __call__(self, item: Sculpted, *, resolution: int, max_triangles: int) -> tuple[Mesh, bool]:
        """See :class:`Mesher`."""
        from gsn_perception.surface.fields.observed import observed_view
        from gsn_perception.surface.learned.fields import cloud_shape
        from gsn_perception.surface.solid.completion import opaque_centres
        from gsn_perception.surface.solid.completion import union_cloud

        rng = np.random.default_rng(self.seed)
        guessed = opaque_centres(item.splat)
        seen, others = observed_view(item.crop, item.scale, rim=False), item.others
        cloud = union_cloud(seen, guessed, count=CLOUD, rng=rng, others=others.measured)
        observed = observed_view(item.crop, item.scale)
        shape = cloud_shape(self.network, self.info, cloud, observed, others.carving)
        return finished(shape, item, self.solid, resolution=resolution, max_triangles=max_triangles)


@dataclass(frozen=True, slots=True, eq=False)
class AutoMesher:
    """Method ``auto``: one mesher where the scale is from measured depth, another without depth or if the first fails."""

    with_depth: Mesher
    without: Mesher

    def __call__(self, item: Sculpted, *, resolution: int, max_triangles: int) -> tuple[Mesh, bool]:
        """See :class:`Mesher`."""
        if item.crop.depth is not None and item.scale.source == "depth":
            try:
                return self.with_depth(item, resolution=resolution, max_triangles=max_triangles)
            except InputError:  # the field is empty
                pass
        return self.without(item, resolution=resolution, max_triangles=max_triangles)


@dataclass(frozen=True, slots=True, eq=False)
class OnetMesher:
    """Method ``onet``: the image through an Occupancy Network, carved by the free space that the camera saw."""

    solid: SolidSettings
    network: OccupancyNetwork
    info: Mapping[str, Any]
    gsn: GSN

    def __call__(self, item: Sculpted, *, resolution: int, max_triangles: int) -> tuple[Mesh, bool]:
        """See :class:`Mesher`."""
        from gsn_perception.surface.fields.observed import observed_view
        from gsn_perception.surface.learned.fields import image_shape

        image, theta = item.crop.tensors(next(self.gsn.parameters()).device)
        with torch.inference_mode():
            if self.network.encoder is None:
                image = self.gsn.encode(image, theta)
            elif image.shape[-1] != self.network.config.image_size:
                side = self.network.config.image_size
                image = torch.nn.functional.interpolate(image, size=(side, side), mode="bilinear", antialias=True)
        shape = image_shape(self.network, self.info, image, theta, observed_view(item.crop, item.scale))
        return finished(shape, item, self.solid, resolution=resolution, max_triangles=max_triangles)


def make_mesher(
    method: MeshMethod, weights: str, solid: SolidSettings, gsn: GSN, gsn_sha256: str, *, seed: int = 0
) -> Mesher:
    """The mesher of a method.

    Args:
        method: A value of the setting; ``auto`` is ``convonet`` where depth was measured and ``gaussians`` elsewhere.
        weights: A file, or empty for the shipped ones.
        solid: Settings of the splat's solid.
        gsn: The Gaussian network, whose latent an Occupancy Network may read.
        gsn_sha256: Checksum of its weights.
        seed: Of the sampling.

    Raises:
        InputError: the weights of the method are missing, damaged, or were trained with other GSN weights.
    """
    if method == "gaussians":
        return GaussianMesher(solid)
    if method == "auto":
        learned = make_mesher("convonet", weights, solid, gsn, gsn_sha256, seed=seed)
        return AutoMesher(learned, GaussianMesher(solid))
    from gsn_perception.surface.learned.weights import load_convonet
    from gsn_perception.surface.learned.weights import load_onet
    from gsn_perception.surface.learned.weights import shipped_weights

    if method == "peif":
        from gsn_perception.pipeline.meshing.peif import peif_mesher

        return peif_mesher(solid, weights, seed=seed)
    path = Path(weights) if weights else shipped_weights(method)
    device = next(gsn.parameters()).device
    if method == "convonet":
        convonet, info = load_convonet(path)
        convonet.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return ConvonetMesher(solid, convonet, info, seed)
    onet, info = load_onet(path)
    if onet.encoder is None and info.get("gsn_sha256", "") != gsn_sha256:
        raise InputError(
            f"the Occupancy Network {path} reads the latent of other Gaussian weights than those in use; "
            "train it again with `gsn train surface --model onet --checkpoint ...`"
        )
    return OnetMesher(solid, onet.to(device), info, gsn)
