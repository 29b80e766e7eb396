"""Procedural toys and rounded objects: stacks of primitives, animals, shoes, fruit, devices."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.shapes import sdf
from gsn_perception.scenes.shapes.colored_solid import colored_solid


def stack(rng: np.random.Generator) -> TexturedMesh:
    """A stack of boxes, cylinders, ellipsoids and tori; each overlaps the one below a little."""
    groups: list[list[sdf.Sdf]] = []
    top, x, y = -0.5, 0.0, 0.0
    for _ in range(int(rng.integers(2, 6))):
        half = rng.uniform(0.06, 0.18)
        wide = rng.uniform(0.1, 0.3)
        center = (x, y, top + half)
        kind = rng.integers(4)
        if kind == 0:
            groups.append([sdf.box(center, (wide, wide * rng.uniform(0.5, 1), half), 0.02)])
        elif kind == 1:
            groups.append([sdf.cylinder(center, wide, half, rounding=0.02)])
        elif kind == 2:
            groups.append([sdf.ellipsoid(center, (wide, wide, half))])
        else:
            groups.append([sdf.torus(center, max(wide, 1.3 * half) - half * 0.3, half)])
        top += 2 * half - 0.03
        x, y = x + rng.uniform(-0.4, 0.4) * wide, y + rng.uniform(-0.4, 0.4) * wide
    return colored_solid("stack", groups, (1.0, 1.0, 1.6), rng, fillet=0.02, cells=110)


def animal(rng: np.random.Generator) -> TexturedMesh:
    """A soft toy animal: body, head with snout and ears, legs and tail, blended."""
    long, fat = rng.uniform(0.2, 0.34), rng.uniform(0.12, 0.2)
    head, leg = rng.uniform(0.1, 0.17), rng.uniform(0.045, 0.075)
    up, tall = rng.uniform(0.05, 0.25), rng.uniform(0.12, 0.28)
    body = [sdf.capsule((-long, 0, 0), (long, 0, 0), fat)]
    nose = (long + 0.1 + head * rng.uniform(0.8, 1.4), 0.0, up + fat * 0.6)
    center = (long + 0.1, 0.0, up + fat * 0.7)
    skull = [sdf.sphere(center, head), sdf.capsule(center, nose, head * 0.55)]
    skull.append(sdf.capsule((long * 0.8, 0, 0), center, head * 0.7))
    ear = rng.uniform(0.04, 0.18)
    for side in (-1, 1):
        foot = (center[0] - 0.03, side * head * 0.6, center[2] + head * 0.6)
        skull.append(sdf.capsule(foot, (foot[0] - ear * 0.3, side * (head * 0.6 + ear * 0.4), foot[2] + ear), 0.035))
    legs = [
        sdf.capsule((end * long * 0.9, side * fat * 0.55, 0), (end * long, side * fat * 0.7, -fat - tall), leg)
        for end in (-1, 1)
        for side in (-1, 1)
    ]
    lift = rng.uniform(-0.1, 0.3)
    tail = [sdf.capsule((-long - fat * 0.7, 0, 0.05), (-long - fat - 0.15, 0, 0.05 + lift), 0.04)]
    groups = [body + skull, legs, tail] if rng.uniform() < 0.5 else [body, skull, legs + tail]
    return colored_solid("animal", groups, (0.85, 0.4, 0.75), rng, fillet=0.06)


def shoe(rng: np.random.Generator) -> TexturedMesh:
    """A shoe or boot along x: a sole with a waist, the toe box and the instep, a hollow shaft."""
    wide, sole = rng.uniform(0.14, 0.19), rng.uniform(0.03, 0.06)
    toe, shaft = rng.uniform(0.12, 0.19), rng.uniform(0.22, 0.34) if rng.uniform() < 0.7 else rng.uniform(0.4, 0.65)
    ankle, wall = wide * 0.75, rng.uniform(0.035, 0.05)
    front, back = -0.1, -0.34
    upper: list[sdf.Sdf] = [
        sdf.ellipsoid((0.26, 0.015, toe * 0.25), (0.22, wide * 0.95, toe)),
        sdf.capsule((0.26, 0.01, toe * 0.3), (front, 0, min(shaft, 0.34) - 0.1), 0.11),
        sdf.capsule((back, 0, 0.0), (back, 0, shaft + 0.3), ankle),
        sdf.capsule((front - 0.05, 0, 0.0), (front - 0.1, 0, shaft + 0.3), ankle),
        sdf.box(((front + back) / 2, 0, shaft / 2), (0.1, ankle, shaft / 2)),
    ]
    shank = sdf.capsule((0.2, 0, 0), (-0.3, 0, 0), wide * 0.72)
    footprint = sdf.blend(0.1, sdf.capsule((0.28, 0.015, 0), (0.2, 0.015, 0), wide * 1.05), shank)
    heel = sdf.capsule((back, 0, 0), (-0.25, 0, 0), wide * 0.85)
    slab = sdf.box((0, 0, 0), (2, 2, sole), 0.01)
    bottom: list[sdf.Sdf] = [sdf.intersection(sdf.blend(0.1, footprint, heel), slab)]
    inner = [
        sdf.capsule((at, 0, sole + ankle * 0.9), (at - 0.02, 0, shaft + 0.5), ankle - wall)
        for at in np.linspace(back, front - 0.06, 5)
    ]
    top = sdf.placed(
        sdf.box((0, 0, 1), (2, 2, 1)), Rotation.from_euler("y", rng.uniform(-12, 2), degrees=True).as_matrix()
    )
    holes = (*inner, sdf.placed(top, np.eye(3), ((front + back) / 2, 0, shaft)), sdf.box((0, 0, -1 - sole), (2, 2, 1)))
    return colored_solid("shoe", [upper, bottom], (0.62, 0.3, 0.95), rng, fillet=0.04, holes=holes, cells=96)


def blob(rng: np.random.Generator) -> TexturedMesh:
    """Fruit, stones, ginger roots: a few blended ellipsoids."""
    groups: list[list[sdf.Sdf]] = [[sdf.ellipsoid((0, 0, 0), tuple(rng.uniform(0.18, 0.35, 3)))]]
    for _ in range(int(rng.integers(0, 4))):
        away = rng.normal(0, 0.15, 3)
        away *= min(1, 0.3 / float(np.linalg.norm(away)))
        part = sdf.ellipsoid((0, 0, 0), tuple(rng.uniform(0.1, 0.28, 3)))
        groups.append([sdf.placed(part, Rotation.random(random_state=rng).as_matrix(), tuple(away))])
    if rng.uniform() < 0.3:  # a stalk
        groups.append([sdf.capsule((0, 0, 0.1), (rng.uniform(-0.1, 0.1), 0, 0.45), 0.03)])
    return colored_solid("blob", groups, (0.62, 0.62, 0.62), rng, fillet=0.12, cells=64)


def device(rng: np.random.Generator) -> TexturedMesh:
    """A router with aerials, a camera with its lens, a torch, a hand drill: a case with projecting parts."""
    x, y, z = rng.uniform(0.2, 0.45), rng.uniform(0.12, 0.3), rng.uniform(0.06, 0.2)
    case: list[sdf.Sdf] = [sdf.box((0, 0, 0), (x, y, z), rng.uniform(0.01, 0.05))]
    extra: list[sdf.Sdf] = []
    kind = rng.choice(["router", "camera", "drill", "tap"])
    if kind == "router":
        for at in np.linspace(-0.8, 0.8, int(rng.integers(1, 4))) * x:
            tip = (float(at) + rng.uniform(-0.1, 0.1), y + 0.03, rng.uniform(0.25, 0.5))
            extra.append(sdf.capsule((float(at), y - 0.02, 0.0), tip, 0.032))
    elif kind == "camera":
        lens = min(y, 0.25) * rng.uniform(0.5, 0.95)
        extra.append(sdf.cylinder((rng.uniform(-0.1, 0.1), 0, z + 0.08), lens, 0.12, rounding=0.01))
        extra.append(sdf.cylinder((x * 0.7, y, 0), 0.05, 0.03, axis=1))
    elif kind == "drill":
        extra.append(sdf.capsule((-x * 0.6, -y, 0), (-x * 0.8, -y - 0.3, 0), 0.075))
        extra.append(sdf.cylinder((x + 0.08, 0, 0), min(y, z) * 0.6, 0.1, axis=0, rounding=0.01))
    else:
        s = np.linspace(0, np.pi, 9)
        arc = np.stack([0.2 - 0.2 * np.cos(s), 0 * s, z + 0.15 + 0.2 * np.sin(s)], 1)
        extra += [sdf.tube(np.vstack([[0, 0, 0], arc]), rng.uniform(0.035, 0.06))]
    return colored_solid("device", [case, extra], (0.72, 0.72, 0.68), rng, fillet=0.02, cells=96)
