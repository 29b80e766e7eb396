"""The interface of mesh methods (splat to closed mesh), their common steps, and the method ``gaussians``."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Protocol

from gsn_perception.geometry import Mesh
from gsn_perception.surface.solid.settings import SolidSettings

if TYPE_CHECKING:
    from gsn_perception.gsn.sculpted import Sculpted
    from gsn_perception.surface.extraction.implicit_shape import ImplicitShape

CLOUD = 2048
"""Points that learned fields read."""
_SMOOTHING = 2
_ROUGH_CAMERAS, _ROUGH_VOTES, _ROUGH_RESOLUTION = 64, 2, 40


class Mesher(Protocol):
    """Makes the mesh of one object; must be thread-safe."""

    def __call__(self, item: Sculpted, *, resolution: int, max_triangles: int) -> tuple[Mesh, bool]:
        """A watertight, coloured mesh of the normalised frame with normals and confidence.

        The second value says whether the mesh is known to be strictly closed in metres in the camera frame.

        Raises:
            InputError: the field or the splat is empty.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class GaussianMesher:
    """Method ``gaussians``: the splat's own solid."""

    solid: SolidSettings

    def __call__(self, item: Sculpted, *, resolution: int, max_triangles: int) -> tuple[Mesh, bool]:
        """See :class:`Mesher`."""
        from gsn_perception.pipeline.meshing.object_support import object_support
        from gsn_perception.surface import gaussian_solid_mesh
        from gsn_perception.surface.fields.observed import observed_view

        mesh = gaussian_solid_mesh(
            item.splat,
            view=item.crop.view,
            observed=observed_view(item.crop, item.scale),
            others=item.others.carving,
            silhouette=item.crop.alpha > 0.5,
            resolution=resolution,
            max_triangles=max_triangles,
            settings=self.solid,
            support=object_support(item),
        )
        return mesh, False


def rough_solid(item: Sculpted, solid: SolidSettings) -> Mesh:
    """The splat's solid for sampling: carved by fewer cameras, on a coarser grid.

    PEIF takes its guessed points and the outer side of its patches from it.

    Raises:
        InputError: the splat has no opaque content.
    """
    fewer = replace(solid, cameras=_ROUGH_CAMERAS, votes=_ROUGH_VOTES, bisections=2)
    item = replace(item, support=None)  # the shape that is made from it is grounded
    return GaussianMesher(fewer)(item, resolution=_ROUGH_RESOLUTION, max_triangles=20_000)[0]


def finished(
    shape: ImplicitShape,
    item: Sculpted,
    solid: SolidSettings,
    *,
    resolution: int,
    max_triangles: int,
    bisections: int = 0,
) -> tuple[Mesh, bool]:
    """The mesh of a learned shape with the splat's colours and a confidence per vertex (1 seen ... 0 completed).

    Most meshes need no repair: they are tested once, in metres. Only where that fails, each step is tested and repaired.

    Returns:
        The mesh in the normalised frame, and whether it passed the test in metres.

    Raises:
        InputError: no point is inside the shape.
    """
    from gsn_perception.pipeline.meshing.object_support import object_support
    from gsn_perception.surface.extraction.implicit_shape import closed_mesh
    from gsn_perception.surface.extraction.painting import paint
    from gsn_perception.surface.fields.depth_views import DepthView
    from gsn_perception.surface.fields.observed import observed_view
    from gsn_perception.surface.solid.grounded_shape import grounded_shape
    from gsn_perception.surface.solid.grounded_shape import unwarped
    from gsn_perception.surface.solid.solid_mesh import seen_confidence
    from gsn_perception.surface.watertight.flattening import clamped_to_plane
    from gsn_perception.surface.watertight.flattening import raised_to_plane
    from gsn_perception.surface.watertight.strictly_closed import strictly_closed

    support, ground = object_support(item), None
    measured = observed_view(item.crop, item.scale)
    if support is not None:
        shape, ground = grounded_shape(shape, support, measured, others=item.others.carving)
    to_camera, clean = item.crop.view.similarity(item.scale.value), False

    def accepted(mesh: Mesh) -> bool:
        nonlocal clean
        flat = mesh if support is None else raised_to_plane(mesh, support.plane)
        clean = strictly_closed(flat.transform(to_camera))
        return clean

    mesh = closed_mesh(
        shape,
        resolution=resolution,
        max_triangles=max_triangles,
        bisections=bisections,
        smoothing=_SMOOTHING,
        smallest_piece=solid.smallest_piece,
        accepted=accepted,
        coarser=True,
    )
    own = DepthView(item.crop.view.normalised_camera, item.seen.median)
    if support is not None:
        mesh = raised_to_plane(mesh, support.plane) if clean else clamped_to_plane(mesh, support.plane)
    cell = float((shape.upper - shape.lower).max()) / resolution
    confidence = seen_confidence(mesh.vertices, own, measured, 2.0 * cell)
    colors = paint(unwarped(mesh, ground), item.splat)
    return replace(mesh, colors=colors, confidence=confidence).with_vertex_normals(), clean
