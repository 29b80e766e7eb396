"""Closes the open surface of a displacement field: orients its patches outwards, bridges holes by winding numbers.

A displacement field has no inside, so its surface is open wherever the cloud is. The splat's solid defines the outer side
of each patch. The generalised winding number of the oriented patches is about 1 inside and 0 outside; in gaps its 0.5
level is a smooth sheet.
"""

from __future__ import annotations

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.sampling import sample_surface
from gsn_perception.surface.extraction.face_orientation import consistent_orientation
from gsn_perception.surface.extraction.implicit_shape import ImplicitShape
from gsn_perception.surface.fields.winding_number import WindingNumber

LEVEL = 0.5
_VOTERS = 20_000
_MARGIN = 0.05


def closed_shape(patches: Mesh, solid: Mesh) -> ImplicitShape:
    """The solid that open patches bound.

    Args:
        patches: Any triangles, e.g. of :func:`directed_marching`; their orientation does not matter.
        solid: A closed mesh of about the same shape, faces outwards, in the same frame.

    Returns:
        The winding number of the oriented patches as a shape with its surface at 0.5.

    Raises:
        InputError: there are no patches.
    """
    if not len(patches.faces):
        raise InputError("the displacement field has no surface near the cloud; use other weights or input")
    turned = oriented_outwards(patches, solid)
    margin = _MARGIN * float(np.ptp(turned.vertices, axis=0).max())
    low, high = turned.vertices.min(axis=0) - margin, turned.vertices.max(axis=0) + margin
    return ImplicitShape(WindingNumber(turned), low, high, LEVEL, turned.vertices)


def oriented_outwards(patches: Mesh, solid: Mesh) -> Mesh:
    """Every connected patch with consistent orientation, outwards by a vote of the solid's nearest normals."""
    faces = patches.faces.copy()
    patch, flip = consistent_orientation(faces)
    faces[flip] = faces[flip][:, ::-1]
    own = Mesh(patches.vertices, faces)
    rng = np.random.default_rng(0)
    points, face = sample_surface(solid, _VOTERS, rng)
    from scipy.spatial import cKDTree

    nearest = cKDTree(points).query(own.triangles.mean(axis=1))[1]
    agree = np.einsum("ij,ij->i", own.face_normals(), solid.face_normals()[face][nearest]) * own.areas()
    against = np.bincount(patch, agree) < 0
    faces[against[patch]] = faces[against[patch]][:, ::-1]
    return Mesh(patches.vertices, faces)
