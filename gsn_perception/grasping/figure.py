"""Draws the figure of the grasp frame for the README."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.geometry import Grasp
from gsn_perception.grasping.glyph import glyph
from gsn_perception.grasping.gripper import Gripper

_AXES = (("x = y × z", "#c0392b"), ("y = closing", "#1e8449"), ("z = approach", "#1f4e9e"))
_FACES = ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))


def draw_grasp_frame(path: str | Path, gripper: Gripper | None = None) -> None:
    """Draw the gripper, the TCP and the axes of the grasp frame to a picture file.

    Args:
        path: PNG, or any other format of matplotlib.
        gripper: The Panda hand by default.
    """
    from matplotlib.figure import Figure

    gripper = gripper or Gripper.named("panda")
    width = 0.75 * gripper.max_width
    figure = Figure(figsize=(9.0, 4.6), dpi=100)
    solid = figure.add_axes((0.0, -0.14, 0.58, 1.22), projection="3d")
    flat = figure.add_axes((0.60, 0.12, 0.38, 0.80))
    _draw_solid(solid, gripper, width)
    _draw_section(flat, gripper, width)
    figure.savefig(path)


def _draw_solid(axes: Any, gripper: Gripper, width: float) -> None:
    """The boxes and the frame in perspective, the approach pointing down."""
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    down = np.diag([1.0, -1.0, -1.0, 1.0])
    shape = glyph(gripper, Grasp(down, width, 1.0))
    fingers = 2 * len(gripper.fingers)
    for number, box in enumerate(shape.boxes):
        color = "#f0b27a" if number < fingers else "#b8c4d0"
        axes.add_collection3d(
            Poly3DCollection([box[list(f)] for f in _FACES], facecolor=color, edgecolor="#555555", lw=0.5, alpha=0.30)
        )
    for column, (name, color) in enumerate(_AXES):
        tip = down[:3, column] * (0.06 if column != 1 else 0.1)
        axes.quiver(0, 0, 0, *tip, color=color, lw=2.5, arrow_length_ratio=0.18, zorder=10)
        label = 1.08 * tip + [0, 0, 0.006 if column != 2 else -0.008]
        axes.text(*label, name, color=color, fontsize=11, zorder=11, ha="right" if column == 1 else "left")
    axes.scatter([0], [0], [0], color="black", s=25, zorder=12)
    reach = 0.1
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-0.05, 2 * reach - 0.05))
    axes.set_box_aspect((1, 1, 1), zoom=1.2)
    axes.view_init(elev=16, azim=-50)
    axes.set_axis_off()


def _draw_section(axes: Any, gripper: Gripper, width: float) -> None:
    """The y-z plane with dimensions in millimetres."""
    for number, (low, high) in enumerate(gripper.boxes(np.array([width]))[0] * 1e3):
        color = "#f0b27a" if number < 2 * len(gripper.fingers) else "#b8c4d0"
        y, z = (low[1], high[1]), (low[2], high[2])
        axes.fill([y[0], y[1], y[1], y[0]], [z[0], z[0], z[1], z[1]], facecolor=color, edgecolor="#555555", lw=0.6)
    half, depth, tip = 500 * width, 1e3 * gripper.finger_depth, 1e3 * gripper.tip
    arrow = {"arrowstyle": "<->", "color": "black", "lw": 1.0, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (-half, -0.55 * depth), (half, -0.55 * depth), arrowprops=arrow)
    axes.text(0, -0.6 * depth, "width", ha="center", va="bottom", fontsize=10)
    aside = half + 32
    for start, end, name in ((0, -depth, "finger depth"), (0, tip, "tip")):
        axes.annotate("", (aside, start), (aside, end), arrowprops=arrow)
        axes.text(aside + 3, (start + end) / 2, name, va="center", fontsize=10)
    axes.axhline(0, color="#999999", lw=0.6, ls=":")
    for (dy, dz), (name, color) in zip(((18, 0), (0, 22)), _AXES[1:], strict=True):
        axes.annotate("", (dy, dz), (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.2, "shrinkA": 0})
        axes.text(dy + (2 if dy else 3), dz + (4 if dy else 0), name[0], color=color, fontsize=11)
    axes.plot([0], [0], "ko", ms=5)
    axes.text(-4, 3, "TCP", ha="right", va="top", fontsize=10)
    axes.set(xlim=(-aside - 30, aside + 60), ylim=(tip + 24, -depth - 42), aspect="equal")
    axes.set_title(f"{gripper.name}, seen along x", fontsize=10)
    axes.set_xlabel("y [mm]")
    axes.set_ylabel("z [mm]")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw the grasp frame.")
    parser.add_argument("--out", default="docs/grasp_frame.png")
    draw_grasp_frame(parser.parse_args().out)
