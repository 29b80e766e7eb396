"""Procedural household objects: watertight, textured, of 27 families."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.geometry.transforms import rotation_about_z
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.looks.textured_mesh import shape_class
from gsn_perception.scenes.shapes import boxes
from gsn_perception.scenes.shapes import tools
from gsn_perception.scenes.shapes import toys
from gsn_perception.scenes.shapes import vessels
from gsn_perception.scenes.shapes.stable_pose import random_settle

LONGEST_SIDE = (0.05, 0.35)
"""Range of an object's longest side, metres (drawn log-uniformly)."""

_FAMILIES: dict[str, tuple[Callable[[np.random.Generator], TexturedMesh], float, float]] = {
    # family: builder, weight in the mix, probability of the designed pose (else a stable pose)
    "carton": (boxes.carton, 13.0, 0.5),
    "rounded_box": (boxes.rounded_box, 6.0, 0.7),
    "milk_carton": (boxes.milk_carton, 2.0, 0.7),
    "book": (boxes.book, 3.0, 0.7),
    "tray": (boxes.tray, 6.0, 0.8),
    "keyboard": (boxes.keyboard, 5.0, 0.8),
    "profile": (boxes.profile, 5.0, 0.5),
    "bottle": (vessels.bottle, 9.0, 0.65),
    "jar": (vessels.jar, 7.0, 0.7),
    "can": (vessels.can, 6.0, 0.7),
    "vase": (vessels.vase, 4.0, 0.7),
    "bowl": (vessels.bowl, 4.0, 0.8),
    "plate": (vessels.plate, 3.0, 0.85),
    "glass": (vessels.glass, 4.0, 0.75),
    "lid": (vessels.lid, 3.0, 0.8),
    "mug": (vessels.mug, 7.0, 0.8),
    "hammer": (tools.hammer, 3.0, 0.5),
    "screwdriver": (tools.screwdriver, 4.0, 0.5),
    "spatula": (tools.spatula, 3.0, 0.6),
    "wrench": (tools.wrench, 2.0, 0.8),
    "pliers": (tools.pliers, 3.0, 0.8),
    "ring": (tools.ring, 3.0, 0.7),
    "stack": (toys.stack, 6.0, 0.6),
    "animal": (toys.animal, 4.0, 0.7),
    "shoe": (toys.shoe, 5.0, 0.8),
    "blob": (toys.blob, 5.0, 0.0),
    "device": (toys.device, 4.0, 0.6),
}

FAMILIES: tuple[str, ...] = tuple(_FAMILIES)
"""Names of the families of objects."""


def random_object(seed: int, family: str | None = None) -> TexturedMesh:
    """A random textured object; the same arguments give the same object.

    Args:
        seed: Any number >= 0; each gives another object.
        family: One of ``FAMILIES``; random if None.

    Returns:
        A watertight object in one piece, faces outwards, in metres, resting on z = 0 in a stable or its designed pose,
        its box centred in x and y.

    Raises:
        InputError: No such family.
    """
    rng = np.random.default_rng([seed, 0x0B1EC7])
    if family is None:
        share = np.array([entry[1] for entry in _FAMILIES.values()])
        family = str(rng.choice(FAMILIES, p=share / share.sum()))
    if family not in _FAMILIES:
        raise InputError(f"no family of objects is named {family!r}; choose one of {', '.join(FAMILIES)}")
    build, _, upright = _FAMILIES[family]
    thing = build(rng)
    squash = np.exp(rng.uniform(-0.08, 0.08, 3))  # varies the proportions within a family
    thing = replace(thing, mesh=replace(thing.mesh, vertices=thing.mesh.vertices * squash))
    mesh = _posed(thing.mesh, rng, upright)
    size = float(np.exp(rng.uniform(*np.log(LONGEST_SIDE))))
    mesh = replace(mesh, vertices=mesh.vertices * (size / float(np.ptp(mesh.vertices, axis=0).max())))
    return replace(thing, name=f"{family}_{seed}", mesh=mesh, shape=shape_class(mesh)).recentred()


def _posed(mesh: Mesh, rng: np.random.Generator, upright: float) -> Mesh:
    """In the designed pose (with probability ``upright``) or a random stable pose, rotated about z at random."""
    turn = rotation_about_z(rng.uniform(0, 2 * np.pi))
    if rng.uniform() >= upright:
        turn = turn @ random_settle(mesh, rng)
    return mesh.transform(make_transform(turn, np.zeros(3)))
