#!/usr/bin/env bash
# cv-bridge 1.13.0.post0 (PyPI) with sensor_msgs 5.3.6, and rosbags-image 0.10.4 with rosbags 0.11.9; numpy 2.2.6.
#
# Expected: sensor_msgs/Image.step is the length of a row in bytes, so an image whose rows are padded (to 64 bytes, as
# GPUs, V4L2 and camera SDKs do: 848 pixels of rgb8 in 2560 bytes) comes out as the same picture as one without padding.
# C++ cv_bridge does that.
# Seen: both Python converters take the bytes as if there were no padding. The picture is sheared, its colours change places
# from row to row, and the last rows are lost. No error, no warning. (ROS 2's own cv_bridge/core.py, vision_opencv
# 8b42d66, reads step / itemsize / channels, rounded down: right where a row is a whole number of pixels, sheared as here
# where it is not: 2560 / 3.)
# Why it matters: masks and grasps of any Python node or recording behind such a camera lie beside the object, while RViz
# and C++ nodes show the picture as it should be.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check cv-bridge==1.13.0.post0 numpy==2.2.6 \
    opencv-python-headless==4.12.0.88 "ros-rclpy[fastrtps]==7.1.6" ros-sensor-msgs==5.3.6 \
    rosbags==0.11.9 rosbags-image==0.10.4
cat > "$work/try.py" <<'PY'
from array import array

import numpy as np
from cv_bridge import CvBridge
from rosbags.image import message_to_cvimage
from sensor_msgs.msg import Image

converters = {"cv-bridge": CvBridge().imgmsg_to_cv2, "rosbags-image": message_to_cvimage}
wrong = {}
for width, height, step in ((848, 480, 2544), (848, 480, 2560), (672, 376, 2048)):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, 400:440] = (220, 30, 30)  # an upright red bar
    rows = np.zeros((height, step), np.uint8)
    rows[:, : 3 * width] = pixels.reshape(height, -1)
    message = Image(height=height, width=width, encoding="rgb8", step=step, data=array("B", rows.tobytes()))
    for name, convert in converters.items():
        found = convert(message)
        wrong[name, step] = float((found != pixels).any(axis=-1).mean())
        middle = np.flatnonzero(found[height // 2].any(axis=-1))
        print(f"{name}: {width}x{height} rgb8 with rows of {step} bytes: {wrong[name, step]:.1%} of the pixels are wrong; the "
              f"bar was sent at columns 400..439, the middle row has it at {middle[0]}..{middle[-1]} "
              f"as {found[height // 2, middle[len(middle) // 2]].tolist()}")
seen = all(wrong[name, 2544] == 0 and wrong[name, 2560] > 0 and wrong[name, 2048] > 0 for name in converters)
raise SystemExit(0 if seen else 1)
PY
"$work/venv/bin/python" "$work/try.py"
