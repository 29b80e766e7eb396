#!/usr/bin/env bash
# rosbags-image 0.10.4 with rosbags 0.11.9 and opencv-python-headless 4.13.0.92.
#
# Expected: a CompressedImage of image_transport's `compressed` with PNG, e.g. "16UC1; png compressed " (a depth camera's
# depth/compressed, or mono16 of an infrared camera), comes back as the 16 bit numbers that were sent; PNG loses nothing.
# Seen: message_to_cvimage gives uint8, the upper byte alone: 600 mm and 767 mm are both 2. The format's text is not read, and
# the file is opened with IMREAD_ANYCOLOR without IMREAD_ANYDEPTH. No error, no warning.
# Why it matters: depth read out of a recording is in steps of 256 mm, and whoever takes the numbers as millimetres has
# objects two millimetres from the camera.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check rosbags==0.11.9 rosbags-image==0.10.4 opencv-python-headless==4.13.0.92 numpy==2.2.6
cat > "$work/try.py" <<'PY'
import cv2
import numpy as np
from rosbags.image import message_to_cvimage
from rosbags.typesys import Stores
from rosbags.typesys import get_typestore

types = get_typestore(Stores.ROS2_JAZZY).types
stamp = types["builtin_interfaces/msg/Time"](sec=1, nanosec=0)
header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")
depth = np.array([[512, 600, 767], [768, 1234, 5000]], np.uint16)
data = cv2.imencode(".png", depth)[1].reshape(-1)
message = types["sensor_msgs/msg/CompressedImage"](header=header, format="16UC1; png compressed ", data=data)
found = message_to_cvimage(message)
print("sent, millimetres:", depth.tolist())
print("the file itself holds:", cv2.imdecode(data, cv2.IMREAD_UNCHANGED).tolist())
print(f"message_to_cvimage: {found.dtype} {found.tolist()}")
raise SystemExit(0 if found.dtype == np.uint8 else 1)
PY
"$work/venv/bin/python" "$work/try.py"
