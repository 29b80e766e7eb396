"""Results of the reconstruction node as values, for a grasp node in the same process; they stand in for messages.

The grasp node reads the same values from them as from the messages (colours aside, which it does not use).
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace

from geometry_msgs.msg import PolygonStamped
from std_msgs.msg import Header

from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Points
from gsn_perception.ros import interface
from gsn_perception.ros.results.frame_result import FrameResult
from gsn_perception.ros.results.frame_result import plane_message


@dataclass(frozen=True, slots=True, eq=False)
class SharedPoints:
    """In place of a message on ``points``.

    Attributes:
        header: The message's header.
        points: By label, those of objects without points included.
    """

    header: Header
    points: Mapping[int, Points]

    def received(self) -> dict[int, Points]:
        """The points as a reader of the message gets them: objects without points are not in it."""
        return {label: points for label, points in self.points.items() if len(points)}


@dataclass(frozen=True, slots=True, eq=False)
class SharedMeshes:
    """In place of a message on ``mesh``.

    Attributes:
        header: The header of the message's markers.
        meshes: By label.
        ids: Label to object id.
    """

    header: Header
    meshes: Mapping[int, Mesh]
    ids: Mapping[int, str]

    def received(self) -> dict[int, Mesh]:
        """The meshes as a reader of the message gets them: positions, colours, and triangles with an area above zero.

        A marker has neither normals nor confidence. The order of the vertices may differ.
        """
        seen = {label: _bare(mesh) for label, mesh in self.meshes.items()}
        return {label: mesh for label, mesh in seen.items() if len(mesh.faces)}

    def names(self, received: Iterable[int]) -> dict[int, str]:
        """Label to object id, of the labels of :meth:`received`."""
        return {label: self.ids.get(label) or f"gsn_{label}" for label in received}


def share_points(result: FrameResult) -> SharedPoints:
    """For the topic ``points``."""
    return SharedPoints(result.header, {o.label: o.points for o in result.objects})


def share_meshes(result: FrameResult) -> SharedMeshes:
    """For the topic ``mesh``."""
    return SharedMeshes(result.header, result.meshes, result.ids)


def share_plane(result: FrameResult) -> PolygonStamped:
    """For the topic ``support_plane``: the message itself, which is small."""
    return plane_message(result)


SHARED = {
    interface.POINTS: share_points,
    interface.MESH: share_meshes,
    interface.SUPPORT_PLANE: share_plane,
}
"""Output topic to the function that makes what subscribers in this process get in place of its message."""


def _bare(mesh: Mesh) -> Mesh:
    whole = mesh.areas() > 0
    faces = mesh.faces if whole.all() else mesh.faces[whole]
    return replace(mesh, faces=faces, normals=None, confidence=None)
