#!/usr/bin/env bash
# trimesh 5.2.0 reads the unit of a 3MF file and writes GLB and DAE a thousand times too large.
#
# One would expect: a 3MF part of 120 mm (its unit is in the file, `mesh.units` says "millimeter") becomes 0.12 m in a GLB,
# since lengths in glTF are metres by definition, and 0.12 m, or <unit meter="0.001">, in a COLLADA file.
# What happens: the numbers are written as they are: 120, so metres, in the GLB (the unit goes into `extras`, to which
# glTF gives no meaning), and 120 without <unit>, which means metres, in the DAE.
# Why it matters: GLB and DAE are what RViz, MoveIt and Isaac load; a part converted from 3MF becomes a 120 m obstacle.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet trimesh==5.2.0 numpy scipy lxml==6.1.3 networkx==3.6.1 pycollada==0.9.3 pygltflib==1.16.5 >/dev/null 2>&1
"$work/venv/bin/python" - "$work" <<'PY'
import re
import sys
import zipfile
from pathlib import Path

import pygltflib
import trimesh

root = Path(sys.argv[1])
corners = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in ((0, 0, 0), (50, 0, 0), (0, 60, 0), (0, 0, 120)))
faces = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)))
with zipfile.ZipFile(root / "part.3mf", "w") as archive:
    archive.writestr(
        "3D/3dmodel.model",
        '<model unit="millimeter" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources>'
        f'<object id="1" type="model"><mesh><vertices>{corners}</vertices><triangles>{faces}</triangles></mesh></object>'
        '</resources><build><item objectid="1"/></build></model>',
    )
part = trimesh.load_mesh(root / "part.3mf")
print(f"3MF: {part.extents} {part.units}")
part.export(root / "part.glb")
part.export(root / "part.dae")
gltf = pygltflib.GLTF2().load(str(root / "part.glb"))
position = gltf.accessors[gltf.meshes[0].primitives[0].attributes.POSITION]
scales = [node.scale or node.matrix for node in gltf.nodes if (node.scale or node.matrix)]
dae = (root / "part.dae").read_text()
told = re.search(r"<unit[^>]*>", dae)
again = trimesh.load_mesh(root / "part.dae")
print(f"GLB: largest coordinate {max(position.max)} m, scales of its nodes: {scales}")
print(f"DAE: {again.extents} {again.units}, its unit: {told[0] if told else 'none, so metres'}")
identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
unscaled = all([float(v) for v in scale] in ([1.0] * 3, [float(v) for v in identity]) for scale in scales)
seen = part.units == "millimeter" and max(position.max) == 120 and unscaled and told is None and max(again.extents) == 120
sys.exit(0 if seen else 1)
PY
