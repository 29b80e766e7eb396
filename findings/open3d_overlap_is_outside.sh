#!/usr/bin/env bash
# Open3D 0.20.0 calls the room that two overlapping solids share "outside": occupancy 0, signed distance positive.
#
# One would expect: a point inside both of two closed boxes is inside: occupancy 1, signed distance negative. Each box is
# closed and wound outwards, and a link made of overlapping solids is what most collision meshes of grippers are.
# What happens: inside and outside are told by the parity of a ray's hits, so that two layers cancel: occupancy 0 and
# +0.023 m, with more samples (`nsamples=11`) too, and also when the boxes are added as two geometries.
# Why it matters: a voxelised gripper or a signed distance field for planning has holes where its parts are joined: the
# planner drives obstacles through the thickest part of the hand.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet open3d==0.20.0 >/dev/null 2>&1
"$work/venv/bin/python" - <<'PY'
import sys

import numpy as np
import open3d as o3d


def box(corner):
    return o3d.t.geometry.TriangleMesh.create_box(0.1, 0.1, 0.1).translate(corner)


boxes = [box([0.0, 0.0, 0.0]), box([0.05, 0.05, 0.05])]  # they share 0.05 ... 0.1
points = np.array([[0.025, 0.026, 0.027], [0.075, 0.076, 0.077], [0.125, 0.126, 0.127], [0.3, 0.3, 0.3]], np.float32)
scene = o3d.t.geometry.RaycastingScene()
for one in boxes:
    assert one.is_watertight() if hasattr(one, "is_watertight") else one.to_legacy().is_watertight()
    scene.add_triangles(one)
occupied = scene.compute_occupancy(points).numpy()
more = scene.compute_occupancy(points, nsamples=11).numpy()
distance = scene.compute_signed_distance(points).numpy()
for name, o, m, d in zip(("first box only", "both boxes", "second box only", "neither"), occupied, more, distance):
    print(f"{name}: occupancy {o:.0f} ({m:.0f} with 11 samples), signed distance {d:+.3f} m")
seen = occupied.tolist() == more.tolist() == [1, 0, 1, 0] and distance[1] > 0 > distance[0]
sys.exit(0 if seen else 1)
PY
