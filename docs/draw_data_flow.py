"""Draws docs/data_flow.svg from the table below: python docs/draw_data_flow.py."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

OUT = Path(__file__).with_name("data_flow.svg")
WIDTH, LEFT, MIDDLE, RIGHT = 1180, 20, 330, 880  # pixels: of the picture, and where the three columns begin
STEP, TOP, HEIGHT = 96, 70, 62  # pixels between rows, above the first, of one box


@dataclass(frozen=True, slots=True)
class Stage:
    """One box of the chain.

    Attributes:
        title: What happens.
        text: How.
        where: File or folder of the package to open first.
        value: Class that goes on to the next stage; empty for the last one.
        topics: ROS topics that enter (``>``) or leave (``<``) here.
        files: Files that enter or leave here.
    """

    title: str
    text: str
    where: str
    value: str = ""
    topics: str = ""
    files: str = ""


STAGES = (
    Stage(
        "Frame assembly",
        "messages joined by stamp, decoded, checked",
        "ros/streams/frame_assembly.py",
        "Observation",
        "> image, camera_info, depth, mask",
        "> photo, depth, mask, camera.json",
    ),
    Stage(
        "Trust and crops",
        "support plane, masks, depth cleaning, object-centred crop",
        "pipeline/inputs/prepared_frame.py",
        "Crop",
    ),
    Stage("Network", "crop -> N Gaussians in the normalised frame", "gsn/network.py", "Gaussians"),
    Stage("Metric scale", "one number: depth, size hint or support plane", "gsn/scale.py", "Sculpted"),
    Stage(
        "Mesh",
        "the splat's solid or a learned field, ended on the support plane",
        "pipeline/meshing/skinning.py",
        "Reconstruction",
    ),
    Stage(
        "Results",
        "one message a frame, also when nothing was found",
        "ros/results/frame_result.py",
        "Mesh",
        "< gaussians, points, mesh, support_plane",
        "< gaussians.ply, points.ply, mesh.ply",
    ),
    Stage(
        "Grasp planning",
        "antipodal candidates, collision, score",
        "grasping/planner.py",
        "Grasp",
        "> scene",
    ),
    Stage(
        "Ranked grasps",
        "best first, in metres, in the camera's or the target frame",
        "ros/node/grasp_worker.py",
        "",
        "< grasps, grasps/early, grasps/table, grasps/markers",
        "< grasps.json",
    ),
)


def drawn() -> str:
    """The picture as SVG."""
    height = TOP + STEP * len(STAGES) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="14">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#444"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for x, title in ((LEFT, "ROS 2 topics"), (MIDDLE, "the chain, and the file to open first"), (RIGHT, "files")):
        parts.append(f'<text x="{x}" y="40" font-size="17" font-weight="bold">{title}</text>')
    for row, stage in enumerate(STAGES):
        parts += _stage(stage, TOP + row * STEP)
    return "\n".join([*parts, "</svg>", ""])


def _stage(stage: Stage, y: int) -> list[str]:
    width, middle = RIGHT - MIDDLE - 60, y + HEIGHT // 2
    parts = [
        f'<rect x="{MIDDLE}" y="{y}" width="{width}" height="{HEIGHT}" rx="6" fill="#eef4fb" stroke="#33597f"/>',
        _text(MIDDLE + 12, y + 24, stage.title, 'font-weight="bold"'),
        _text(MIDDLE + 170, y + 24, stage.where, 'font-family="monospace" fill="#33597f"'),
        _text(MIDDLE + 12, y + 48, stage.text),
    ]
    if stage.value:
        x = MIDDLE + width // 2
        parts += [
            _arrow(x, y + HEIGHT, x, y + STEP - 2),
            _text(x + 10, y + HEIGHT + 22, stage.value, 'font-style="italic" fill="#444"'),
        ]
    if stage.topics:
        parts += _side(LEFT, MIDDLE - 60, stage.topics, middle, MIDDLE - 58, MIDDLE - 2)
    if stage.files:
        parts += _side(RIGHT, WIDTH - 20, stage.files, middle, RIGHT - 2, RIGHT - 58)
    return parts


def _side(left: int, right: int, text: str, middle: int, outer: int, inner: int) -> list[str]:
    inwards, names = text.startswith(">"), text[2:].split(", ")
    begin, end = (outer, inner) if inwards else (inner, outer)
    lines = [", ".join(names)] if len(names) < 3 else [", ".join(names[:2]) + ",", ", ".join(names[2:])]
    return [
        f'<rect x="{left}" y="{middle - 24}" width="{right - left}" height="48" rx="6" fill="#f7f3e8" stroke="#8a7440"/>',
        *(
            _text(left + 10, middle + 5 + round(20 * (number - (len(lines) - 1) / 2)), line, 'font-family="monospace"')
            for number, line in enumerate(lines)
        ),
        _arrow(begin, middle, end, middle),
    ]


def _arrow(x0: int, y0: int, x1: int, y1: int) -> str:
    return f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke="#444" stroke-width="1.5" marker-end="url(#tip)"/>'


def _text(x: int, y: int, text: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


if __name__ == "__main__":
    OUT.write_text(drawn())
