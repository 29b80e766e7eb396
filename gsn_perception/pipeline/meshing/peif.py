"""Mesh method ``peif``: a displacement field of the completed cloud, directed marching, closed by winding numbers."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gsn_perception.geometry import Mesh
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.pipeline.meshing.mesher import CLOUD
from gsn_perception.pipeline.meshing.mesher import finished
from gsn_perception.pipeline.meshing.mesher import rough_solid
from gsn_perception.surface.extraction.directed_marching import directed_marching
from gsn_perception.surface.peif import PeifField
from gsn_perception.surface.peif import PeifNetwork
from gsn_perception.surface.peif import load_peif
from gsn_perception.surface.solid.settings import SolidSettings

if TYPE_CHECKING:
    from gsn_perception.gsn.sculpted import Sculpted

_BAND = 0.1
_BISECTIONS = 5
_TOLERANCE = 0.01  # in front of the measured surface: the field is smooth there, closer cuts would bring noise back


@dataclass(frozen=True, slots=True, eq=False)
class PeifMesher:
    """See :class:`~gsn_perception.pipeline.meshing.mesher.Mesher`."""

    solid: SolidSettings
    network: PeifNetwork
    seed: int = 0

    def __call__(self, item: Sculpted, *, resolution: int, max_triangles: int) -> tuple[Mesh, bool]:
        """A watertight mesh of the normalised frame, and whether it is strictly closed in metres."""
        from gsn_perception.surface.extraction.closing import closed_shape
        from gsn_perception.surface.fields.combined import CarvedField
        from gsn_perception.surface.fields.observed import observed_view
        from gsn_perception.surface.solid.completion import union_cloud

        rough = rough_solid(item, self.solid)
        rng = np.random.default_rng(self.seed)
        guessed = sample_surface(rough, 2 * CLOUD, rng)[0]
        own = observed_view(item.crop, item.scale, rim=False)
        cloud = union_cloud(own, guessed, count=CLOUD, rng=rng, others=item.others.measured)
        field = PeifField(self.network, cloud.points)
        low, high = cloud.points.min(axis=0) - _BAND, cloud.points.max(axis=0) + _BAND
        patches = directed_marching(field, low, high, resolution=resolution, seeds=cloud.points)
        shape = closed_shape(patches, rough)
        own, others = observed_view(item.crop, item.scale), item.others.carving
        seen = CarvedField(shape.field, own, others=others, tolerance=_TOLERANCE, level=shape.level)
        shape = replace(shape, field=seen)
        return finished(
            shape, item, self.solid, resolution=resolution, max_triangles=max_triangles, bisections=_BISECTIONS
        )


def peif_mesher(solid: SolidSettings, weights: str, *, seed: int = 0) -> PeifMesher:
    """The mesher with the shipped weights, or with those of a file.

    Raises:
        InputError: the weights are missing or damaged.
    """
    from gsn_perception.surface.learned.weights import shipped_weights

    path = Path(weights) if weights else shipped_weights("peif")
    network, _ = load_peif(path)
    return PeifMesher(solid, network, seed)
