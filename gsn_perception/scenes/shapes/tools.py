"""Procedural hand tools, lying flat along x, z up: signed distances with a colour per part."""

from __future__ import annotations

import numpy as np

from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.shapes import sdf
from gsn_perception.scenes.shapes.colored_solid import colored_solid


def hammer(rng: np.random.Generator) -> TexturedMesh:
    """A hammer or mallet: a grip and a head across it, perhaps with a claw or wedge."""
    grip, head, wide = rng.uniform(0.03, 0.055), rng.uniform(0.05, 0.11), rng.uniform(0.14, 0.28)
    handle = [sdf.capsule((-0.5, 0, 0), (0.0, 0, 0), grip), sdf.capsule((-0.1, 0, 0), (0.45, 0, 0), grip * 0.75)]
    if rng.uniform() < 0.4:
        block = [sdf.box((0.42, 0, 0), (head, wide, head), 0.02)]
    else:
        block = [sdf.cylinder((0.42, -wide * 0.5, 0), head, wide * 0.5, axis=1, rounding=0.015)]
        claw = rng.uniform(0.03, 0.05)
        bend = rng.uniform(0.05, 0.16)
        block += [sdf.capsule((0.42, 0, 0), (0.42, wide * 0.5, 0), head * 0.7)]
        for side in (-1, 1) if rng.uniform() < 0.5 else (0,):
            tip = (0.42 - bend, wide, side * head * 0.7)
            block += [sdf.capsule((0.42, wide * 0.4, side * head * 0.3), tip, claw * 0.8)]
    return colored_solid("hammer", [handle, block], (0.62, 0.42, 0.2), rng, fillet=0.02)


def screwdriver(rng: np.random.Generator) -> TexturedMesh:
    """A screwdriver, awl or chisel: a thick grip with flutes and a shaft with its tip."""
    grip, shaft = rng.uniform(0.06, 0.11), rng.uniform(0.02, 0.04)
    end = rng.uniform(-0.15, 0.05)
    handle = sdf.capsule((-0.45 + grip, 0, 0), (end - grip, 0, 0), grip)
    around = [(1.15 * grip * np.cos(a), 1.15 * grip * np.sin(a)) for a in np.arange(6) * np.pi / 3]
    flutes = [sdf.capsule((-0.4, y, z), (end - grip, y, z), grip * 0.3) for y, z in around]
    if rng.uniform() < 0.6:
        handle = sdf.difference(handle, *flutes)
    blade = [sdf.capsule((end - 0.1, 0, 0), (0.45, 0, 0), shaft)]
    if rng.uniform() < 0.6:
        blade.append(sdf.box((0.46, 0, 0), (0.06, shaft * rng.uniform(1.2, 2.5), 0.018), 0.008))
    return colored_solid("screwdriver", [[handle], blade], (0.6, 0.2, 0.2), rng, fillet=0.02)


def spatula(rng: np.random.Generator) -> TexturedMesh:
    """A spatula, spoon, ladle, racket or brush: a long handle and a flat, hollow or bristled end."""
    grip, long = rng.uniform(0.025, 0.045), rng.uniform(0.1, 0.25)
    wide, thin = rng.uniform(0.08, 0.22), rng.uniform(0.022, 0.03)
    start = 0.5 - 2 * long
    rise = rng.uniform(0.0, 0.12)
    handle = [sdf.capsule((-0.5, 0, rise), (start + 0.05, 0, 0), grip)]
    holes: tuple[sdf.Sdf, ...] = ()
    kind = rng.choice(["blade", "spoon", "brush", "slotted"])
    if kind == "spoon":
        ball = sdf.ellipsoid((start + long, 0, 0.05), (long, wide, wide * 0.6 + 0.03))
        head = [sdf.intersection(ball, sdf.box((start + long, 0, -0.25), (1, 1, 0.27)))]
        holes = (sdf.ellipsoid((start + long, 0, 0.06), (long - 0.035, wide - 0.035, wide * 0.6 - 0.005)),)
    elif kind == "brush":
        head = [sdf.box((start + long, 0, 0), (long, wide * 0.6, 0.035), 0.02)]
        bristles = sdf.box((start + long, 0, -0.09), (long * 0.9, wide * 0.5, 0.08), 0.01)
        return colored_solid("spatula", [handle + head, [bristles]], (0.62, 0.3, 0.25), rng, fillet=0.01)
    else:
        head = [sdf.box((start + long, 0, 0), (long, wide, thin), 0.02)]
        if kind == "slotted":
            count = int(rng.integers(2, 5))
            at = (np.arange(count) - (count - 1) / 2) * 1.7 * wide / count
            holes = tuple(
                sdf.box((start + long, float(y), 0), (long * 0.65, 0.35 * wide / count, 0.2), 0.01) for y in at
            )
    return colored_solid("spatula", [handle, head], (0.62, 0.3, 0.25), rng, fillet=0.04, holes=holes, cells=96)


def wrench(rng: np.random.Generator) -> TexturedMesh:
    """A spanner: a flat bar, an open jaw at one end and a ring or jaw at the other."""
    thick, bar = rng.uniform(0.03, 0.06), rng.uniform(0.04, 0.07)
    big, small = rng.uniform(0.12, 0.18), rng.uniform(0.09, 0.16)
    body = [sdf.box((0, 0, 0), (0.4, bar, thick * 0.8), 0.015)]
    ends = [
        sdf.cylinder((0.4, 0, 0), big, thick, rounding=0.01),
        sdf.cylinder((-0.4, 0, 0), small, thick, rounding=0.01),
    ]
    jaw = sdf.box((0.4 + big * 0.75, big * 0.15, 0), (big * 0.85, big * rng.uniform(0.4, 0.6), 1))
    if rng.uniform() < 0.6:
        other = sdf.cylinder((-0.4, 0, 0), small * rng.uniform(0.45, 0.65), 1)
    else:
        other = sdf.box((-0.4 - small * 0.75, 0, 0), (small * 0.85, small * rng.uniform(0.4, 0.6), 1))
    groups = [body + ends] if rng.uniform() < 0.6 else [body, ends]
    return colored_solid("wrench", groups, (0.62, 0.25, 0.15), rng, fillet=0.04, holes=(jaw, other), cells=96)


def pliers(rng: np.random.Generator) -> TexturedMesh:
    """Pliers or scissors: two crossing levers, bowed grips or finger rings."""
    spread, pipe = rng.uniform(0.1, 0.22), rng.uniform(0.028, 0.045)
    rings = rng.uniform() < 0.45
    grips, blades = [], []
    for side in (-1.0, 1.0):
        if rings:
            center = (-0.4, side * 0.15, 0.0)
            grips += [sdf.torus(center, 0.11, 0.032), sdf.capsule((-0.3, side * 0.1, 0), (0, 0, 0), 0.035)]
        else:
            s = np.linspace(0, 1, 6)
            path = np.stack([-0.5 * s, side * spread * np.sin(s * np.pi * 0.6), 0 * s], 1)
            grips.append(sdf.tube(path, pipe))
        tip = side * (0.02 if rings else 0.015)
        blades.append(sdf.capsule((0.0, -side * 0.05, 0), (0.45, tip, 0), 0.032 if rings else 0.045))
    blades.append(sdf.cylinder((0, 0, 0), 0.07, 0.05, rounding=0.01))
    return colored_solid("pliers", [grips, blades], (0.62, 0.4, 0.15), rng, fillet=0.02, cells=96)


def ring(rng: np.random.Generator) -> TexturedMesh:
    """A ring, roll of tape, bracelet, tyre, or part of one as a horseshoe."""
    hole = rng.uniform(0.4, 0.85)
    kind = rng.choice(["torus", "tape", "square", "horseshoe"])
    if kind == "tape":
        tall = rng.uniform(0.08, 0.35)
        body = sdf.cylinder((0, 0, 0), 0.5, tall, rounding=0.02)
        bore = sdf.cylinder((0, 0, 0), 0.5 * hole, 1)
        core = sdf.difference(sdf.cylinder((0, 0, 0), 0.5 * hole + 0.05, tall), bore)
        return colored_solid("ring", [[body], [core]], (0.55, 0.55, 0.4), rng, fillet=0.01, holes=(bore,))
    if kind == "square":
        bar = rng.uniform(0.05, 0.1)
        side = sdf.box((0, 0, 0), (0.5, rng.uniform(0.3, 0.5), bar), 0.03)
        holes: tuple[sdf.Sdf, ...] = (sdf.box((0, 0, 0), (0.5 - 2 * bar, 0.3 - bar, 1), 0.05),)
        return colored_solid("ring", [[side]], (0.55, 0.55, 0.2), rng, holes=holes)
    pipe = 0.5 * (1 - hole) / 2 + 0.02
    holes = (sdf.box((0.5, 0, 0), (0.5, rng.uniform(0.15, 0.4), 1), 0.02),) if kind == "horseshoe" else ()
    return colored_solid("ring", [[sdf.torus((0, 0, 0), 0.5 - pipe, pipe)]], (0.55, 0.55, 0.3), rng, holes=holes)
