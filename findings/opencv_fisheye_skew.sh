#!/usr/bin/env bash
# opencv-python-headless 4.13.0.92, cv2.fisheye (the equidistant model of CameraInfo).
#
# Expected: what cv2.fisheye.calibrate returns is what cv2.fisheye.initUndistortRectifyMap, undistortPoints and undistortImage
# need; a point goes through projectPoints and undistortPoints and comes back.
# Seen: calibrate fits a skew unless CALIB_FIX_SKEW is given, and returns it in K[0][1]; the three others read fx, fy, cx
# and cy of that K and leave the skew out, without a word. projectPoints does so too unless its argument `alpha` is set
# by hand to K[0][1] / K[0][0].
# Why it matters: calibration tools that pass K on write it into camera_info (ros2_calib's issue 6: 4.27 px,
# isaac_ros_apriltag's issue 22: -0.67 px). Rectified pictures and poses are then off by pixels towards the upper and
# lower border, with a reprojection error of zero in the calibration report.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check opencv-python-headless==4.13.0.92 numpy==2.2.6
cat > "$work/try.py" <<'PY'
import cv2
import numpy as np

rng = np.random.default_rng(0)
K = np.array([[600.0, 8, 320], [0, 610, 240], [0, 0, 1]])
D = np.array([[0.05], [-0.01], [0.002], [-0.001]])
board = np.zeros((1, 88, 3))
board[0, :, :2] = np.mgrid[:11, :8].T.reshape(-1, 2) * 0.03
objects, pictures = [], []
for _ in range(25):
    turn, shift = rng.normal(size=3) * 0.35, [rng.normal() * 0.08 - 0.15, rng.normal() * 0.06 - 0.1, 0.45 + rng.random() * 0.25]
    points, _ = cv2.fisheye.projectPoints(board, turn, np.array(shift), K, D, alpha=K[0, 1] / K[0, 0])
    objects.append(board.copy())
    pictures.append(points.reshape(1, -1, 2))
start = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
error, K, D, _, _ = cv2.fisheye.calibrate(
    objects, pictures, (640, 480), start, np.zeros((4, 1)), flags=cv2.fisheye.CALIB_RECOMPUTE_EXTRINSIC
)
print(f"calibrated: reprojection error {error:.1e} px, skew K[0][1] = {K[0, 1]:.3f}")

ray = np.array([[[0.3, 0.35, 1.0]]])
raw, _ = cv2.fisheye.projectPoints(ray, np.zeros(3), np.zeros(3), K, D, alpha=K[0, 1] / K[0, 0])
ideal = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
map_x, map_y = cv2.fisheye.initUndistortRectifyMap(K, D, np.eye(3), ideal, (640, 480), cv2.CV_32FC1)
column, row = (ray[0, 0, :2] * 600 + [320, 240]).astype(int)
back = cv2.fisheye.undistortPoints(raw, K, D)[0, 0]
print(f"the ray (0.3, 0.35) is seen at {raw[0, 0].round(2)}; the rectifying map reads it at "
      f"[{map_x[row, column]:.2f} {map_y[row, column]:.2f}]; undistortPoints makes it {back.round(4)}")
off = abs(float(map_x[row, column]) - raw[0, 0, 0])
print(f"the rectified picture is off by {off:.2f} px here")
raise SystemExit(0 if off > 1 and abs(back[0] - 0.3) > 0.002 else 1)
PY
"$work/venv/bin/python" "$work/try.py"
