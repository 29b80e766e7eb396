#!/usr/bin/env bash
# rosbags-image 0.10.4 with rosbags 0.11.9 and opencv-python-headless 4.13.0.92.
#
# Expected: an Image of encoding nv21 (sensor_msgs/image_encodings.hpp) or nv12 as camera_ros and depthai send it (height and
# width those of the picture, step the luma row, data of 1.5 x height rows) becomes a picture of that size.
# Seen: message_to_cvimage(message, "rgb8") takes `height` rows as all there is, the last third of the luma as the colours,
# and gives a picture two thirds as high in wrong colours: red and blue become green. No error, no warning. Only a message whose
# height counts the chroma rows comes out right, which no driver sends.
# Why it matters: a recording's pictures are cut and green beside a camera_info of the full height; whatever is found in
# them lies elsewhere.
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
picture = np.zeros((48, 64, 3), np.uint8)
picture[:24], picture[24:] = (220, 30, 30), (30, 60, 220)  # red above, blue below
planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
luma, u, v = planes[:48], planes[48:60].reshape(24, 32), planes[60:].reshape(24, 32)
seen = 0
for encoding, pair in (("nv12", (u, v)), ("nv21", (v, u))):
    data = np.vstack([luma, np.dstack(pair).reshape(24, 64)])
    message = types["sensor_msgs/msg/Image"](
        header=header, height=48, width=64, encoding=encoding, is_bigendian=0, step=64, data=data.reshape(-1)
    )
    found = message_to_cvimage(message, "rgb8")
    right = cv2.cvtColor(data, cv2.COLOR_YUV2RGB_NV12 if encoding == "nv12" else cv2.COLOR_YUV2RGB_NV21)
    print(f"{encoding} 64x48: came out {found.shape[1]}x{found.shape[0]}, top {found[4, 32].tolist()}, bottom "
          f"{found[-4, 32].tolist()}; OpenCV on the same bytes: {right.shape[1]}x{right.shape[0]}, top "
          f"{right[4, 32].tolist()}, bottom {right[-4, 32].tolist()}")
    seen += found.shape != right.shape
raise SystemExit(0 if seen == 2 else 1)
PY
"$work/venv/bin/python" "$work/try.py"
