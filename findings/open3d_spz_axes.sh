#!/usr/bin/env bash
# Open3D 0.20.0 (PyPI) writes SPZ; @adobe/spz 0.2.3 (npm), the format's own library of Niantic and Adobe, reads it.
#
# Expected: a splat PLY that Open3D saves as SPZ comes back at the same place when the format's own library is asked for the
#           axes of a PLY (RDF: x right, y down, z forward). The format names its axes: x right, y up, z back (RUB), so a
#           writer turns, and a reader turns back.
# Seen:     Open3D copies the numbers. Its own reader copies them back, so a round trip there shows nothing; everybody who
#           follows the format gets y and z negated: what stood 0.6 m before the camera hangs upside down behind it.
#           Nothing in the file tells it from a right one. (@playcanvas/splat-transform 3.7.0 copies as well, both ways.)
# Matters:  a robot's splat is in its camera's optical frame, which is RDF. A pipeline that stores SPZ with one tool and reads
#           it with another grasps at a mirror image of the scene, rotated by half a turn about x.
#           The way out, for files of version 4: the record SPZ_ADOBE_coordinate_system (12 bytes behind the header) says RDF.
#           The library then converts rightly, and Open3D, which skips it with a warning, still reads the same numbers.
#
# Exits 1 if the library gives back the position that was stored. Needs npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check open3d==0.20.0 numpy==2.2.6
npm install --silent --no-fund --prefix "$folder" @adobe/spz@0.2.3 >/dev/null
cat > "$folder/write.py" <<'PY'
import struct
import sys
import numpy as np, open3d as o3d

folder = sys.argv[1]
names = "x y z f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3".split()
rows = np.zeros((8, len(names)), "<f4")
rows[:, :3] = [0.1, 0.2, 0.6]
rows[:, 6:11] = [2, -5, -5, -5, 1]
header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}"]
header += [f"property float {name}" for name in names] + ["end_header\n"]
open(f"{folder}/splat.ply", "wb").write("\n".join(header).encode() + rows.tobytes())
o3d.t.io.write_point_cloud(f"{folder}/plain.spz", o3d.t.io.read_point_cloud(f"{folder}/splat.ply"))
data = open(f"{folder}/plain.spz", "rb").read()
version, flags, table = data[4], data[14], struct.unpack_from("<I", data, 16)[0]
assert (version, flags & 2, table) == (4, 0, 32), "another version of the format"
record = struct.pack("<III", 0xADBE0003, 4, 6)  # type, length, RDF
named = data[:14] + bytes([flags | 2]) + data[15:16] + struct.pack("<I", table + 12) + data[20:32] + record + data[32:]
open(f"{folder}/named.spz", "wb").write(named)
for name in ("plain", "named"):
    place = o3d.t.io.read_point_cloud(f"{folder}/{name}.spz").point.positions[0].numpy()
    print(f"Open3D reads {name}.spz at", np.round(place, 3).tolist(), flush=True)
PY
"$folder/venv/bin/python" "$folder/write.py" "$folder" | grep reads
cat > "$folder/read.mjs" <<'JS'
import fs from "fs";
import create from "@adobe/spz";
const folder = process.argv[2], spz = await create({ print() {}, printErr() {} });
const seen = {};
for (const name of ["plain", "named"]) {
  const bytes = new Uint8Array(fs.readFileSync(`${folder}/${name}.spz`));
  const cloud = spz.loadSpzFromBuffer(bytes, { to: spz.CoordinateSystem.RDF });
  seen[name] = [...cloud.positions.slice(0, 3)].map((v) => Math.round(1000 * v) / 1000);
  console.log(`@adobe/spz reads ${name}.spz, asked for RDF, at`, seen[name]);
}
process.exit(seen.plain.join() === "0.1,-0.2,-0.6" && seen.named.join() === "0.1,0.2,0.6" ? 0 : 1);
JS
node "$folder/read.mjs" "$folder" && echo seen
