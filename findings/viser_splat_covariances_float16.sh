#!/usr/bin/env bash
# viser 1.1.1 (PyPI), no browser needed: what the server sends is read back from the handle.
#
# Expected: add_gaussian_splats draws Gaussians of any size, as it draws points and meshes of any size; the docstring names
#           no unit and no least size.
# Seen:     covariances are packed as float16. Below 6e-5 that format has a fixed step of 6e-8, in metres the variance of
#           0.24 mm: Gaussians with standard deviations below 0.17 mm are sent as exactly 0 (points without size, which the
#           client throws away), those of 0.3 mm come out 15 % too large, and flat ones at a slant are no longer positive.
# Matters:  robots live in metres, and splats of bolts, connectors or close-ups have Gaussians of a tenth of a millimetre.
#           They are invisible from any distance, without a word. The way out: send centres in another unit (say, times
#           100, covariances times 10 000) with scale=0.01, which the client applies to both.
#
# Exits 1 if the covariances come back as they were given.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check viser==1.1.1 numpy==2.2.6
cat > "$folder/look.py" <<'PY'
import sys
import numpy as np, viser

sigmas = np.array([0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 3.0]) * 1e-3  # metres
count = len(sigmas)
given = np.eye(3) * sigmas[:, None, None] ** 2
rest = (np.zeros((count, 3), np.float32), np.full((count, 3), 200, np.uint8), np.ones((count, 1)))
server = viser.ViserServer(host="127.0.0.1", port=18191, verbose=False)
plain = server.scene.add_gaussian_splats("/metres", rest[0], given, rest[1], rest[2]).covariances
other = server.scene.add_gaussian_splats("/scaled", 100 * rest[0], 1e4 * given, rest[1], rest[2], scale=0.01).covariances
for number, sigma in enumerate(sigmas):
    metres, scaled = np.sqrt(plain[number, 0, 0]), 0.01 * np.sqrt(other[number, 0, 0])
    print(f"sigma {1e3 * sigma:.2f} mm is sent as {1e3 * metres:.3f} mm in metres, as {1e3 * scaled:.3f} mm with scale=0.01")

turn = np.linalg.qr(np.random.default_rng(0).normal(size=(1000, 3, 3)))[0]
flat = turn @ np.diag(np.array([1.0, 1.0, 0.05]) * 1e-3) ** 2 @ turn.transpose(0, 2, 1)
many = len(flat)
discs = (np.zeros((many, 3), np.float32), flat, np.full((many, 3), 200, np.uint8), np.ones((many, 1)))
sent = server.scene.add_gaussian_splats("/discs", *discs).covariances
negative = (np.linalg.eigvalsh(sent.astype(float)).min(axis=1) < -1e-12).mean()
print(f"discs of 1 mm x 1 mm x 0.05 mm: {100 * negative:.0f} % are sent with a negative variance")
seen = plain[1, 0, 0] == 0 and abs(np.sqrt(other[1, 0, 0]) * 0.01 / sigmas[1] - 1) < 0.01
print("seen" if seen else "not seen")
sys.stdout.flush()
server.stop()
sys.exit(0 if seen else 1)
PY
"$folder/venv/bin/python" "$folder/look.py"
