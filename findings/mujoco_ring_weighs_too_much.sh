#!/usr/bin/env bash
# MuJoCo 3.17.0 (4.0.0 the same): a closed, outward-facing mesh with a hole through it weighs 1.75 times what density times
# volume gives; inside out it weighs the same.
#
# One would expect: density="300" on a closed mesh of 99.9 cm^3 makes 30.0 g, with that solid's inertia, as a box or a
# cylinder of that density does; a mesh that faces inwards is refused.
# What happens: 52.4 g, and 62.7 instead of 50.6 kg mm^2 about the axis. The default inertia="legacy" of <mesh> adds up the absolute
# volumes of the pyramids over the faces, which is right for convex meshes alone. inertia="exact" gives 30.0 g (and
# refuses the inward mesh, which "legacy" takes without a word).
# Why it matters: cups, bowls, rings, scissors: what a gripper holds by its rim is what is not convex. Its weight, and with
# it whether a grasp slips in simulation, is wrong by a factor that depends on shape.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mujoco==3.17.0 trimesh==5.2.0 numpy scipy >/dev/null 2>&1
"$work/venv/bin/python" - <<'PY'
import sys

import mujoco
import numpy as np
import trimesh

ring = trimesh.creation.annulus(0.03, 0.05, 0.02)
assert ring.is_watertight
assert ring.volume > 0


def grams(faces, more):
    """Mass in grams and the largest moment of inertia in kg mm^2; what is refused as its sentence."""
    vertices = " ".join(map(str, np.ravel(ring.vertices)))
    mesh = f'<mesh name="ring" {more} vertex="{vertices}" face="{" ".join(map(str, np.ravel(faces)))}"/>'
    geom = '<worldbody><body><freejoint/><geom type="mesh" mesh="ring" density="300"/></body></worldbody>'
    try:
        model = mujoco.MjModel.from_xml_string(f"<mujoco><asset>{mesh}</asset>{geom}</mujoco>")
    except ValueError as error:
        return str(error).splitlines()[0]
    return float(1e3 * model.body_mass[1]), float(1e6 * model.body_inertia[1].max())


truth = 3e5 * ring.volume
print(f"density times volume: {truth:.1f} g, {3e8 * ring.moment_inertia.max():.1f} kg mm^2")
plain, inward = grams(ring.faces, ""), grams(ring.faces[:, ::-1], "")
exact = grams(ring.faces, 'inertia="exact"')
print("default:", plain, " facing inwards:", inward)
print('inertia="exact":', exact, " facing inwards:", grams(ring.faces[:, ::-1], 'inertia="exact"'))
seen = plain[0] > 1.5 * truth and inward == plain and abs(exact[0] - truth) < 0.01 * truth
sys.exit(0 if seen else 1)
PY
