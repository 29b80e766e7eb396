#!/usr/bin/env bash
# viser 1.1.1 (PyPI, client as shipped), drawn by a headless Chromium, which must be on the path.
#
# Expected: an object made of opaque Gaussians gets smaller as the eye moves away, like a mesh or a point cloud does.
# Seen:     it is gone, all of it at once. The client's shader throws away every Gaussian with
#           opacity * (l1 + 0.3) * (l2 + 0.3) < 0.25, where l1, l2 are its variances in the picture in square pixels: with
#           an opacity of 0.9 that is any that is smaller than about half a pixel, however many stand side by side.
# Matters:  a splat of a cup (10 cm, Gaussians of 1.5 mm) that fills the screen from 30 cm is nothing at all from 2 m, the
#           distance from which a robot and its table are looked at: as if nothing had been reconstructed. Points of the
#           same places stay visible. Gaussians of low opacity go first, so that a soft object thins out before.
#
# Prints the pixels drawn from each distance; exits 1 if the splat is still drawn from afar.
set -euo pipefail
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] || { echo "no Chromium on the path: nothing was seen"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check viser==1.1.1 numpy==2.2.6
cat > "$folder/look.py" <<'PY'
import subprocess, sys, time
import numpy as np, viser

rng = np.random.default_rng(0)
places = rng.normal(size=(8000, 3))
places = (0.05 * places / np.linalg.norm(places, axis=1, keepdims=True)).astype(np.float32)  # a ball of 10 cm
covariances = np.tile(np.eye(3) * 0.0015**2, (len(places), 1, 1))
red = np.tile(np.array([[200, 30, 30]], np.uint8), (len(places), 1))

server = viser.ViserServer(host="127.0.0.1", port=18190, verbose=False)
splat = server.scene.add_gaussian_splats("/splat", places, covariances, red, np.full((len(places), 1), 0.9))
points = server.scene.add_point_cloud("/points", places, red, point_size=0.0015, precision="float32", visible=False)
flags = "--headless --no-sandbox --disable-gpu --use-angle=swiftshader --enable-unsafe-swiftshader --disable-dev-shm-usage "
flags += "--disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync "
flags += f"--remote-debugging-port=0 --window-size=1280,800 --user-data-dir={sys.argv[2]}/profile"
page = f"http://127.0.0.1:{server.get_port()}"
quiet = subprocess.DEVNULL
with subprocess.Popen([sys.argv[1], *flags.split(), page], stdout=quiet, stderr=quiet) as browser:
    try:
        end = time.time() + 60
        while not server.get_clients() and time.time() < end:
            time.sleep(0.2)
        client = next(iter(server.get_clients().values()))
        time.sleep(5)

        def drawn(distance):
            facing = viser.transforms.SO3.from_matrix(np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])).wxyz  # along +y
            look = {"wxyz": facing, "position": (0.0, -distance, 0.0), "fov": np.deg2rad(75)}
            for _ in range(3):  # the splats are sorted in a worker: the last of some pictures counts
                picture = client.get_render(720, 1280, transport_format="jpeg", timeout=60, **look).astype(int)
                time.sleep(0.5)
            return int((picture[..., 0] > picture[..., 1] + 30).sum())

        counts = {}
        for name, shown in (("splat", splat), ("points", points)):
            splat.visible, points.visible = shown is splat, shown is points
            time.sleep(2)
            counts[name] = {d: drawn(d) for d in (0.3, 1.0, 2.0, 3.0)}
            print(f"{name}: " + ", ".join(f"{n} pixels from {d} m" for d, n in counts[name].items()), flush=True)
    finally:
        browser.terminate()
gone = counts["splat"][0.3] > 1000 and counts["splat"][2.0] < 0.05 * counts["points"][2.0]
print("seen: the splat is gone from 2 m" if gone else "not seen")
sys.exit(0 if gone else 1)
PY
"$folder/venv/bin/python" "$folder/look.py" "$browser" "$folder"
