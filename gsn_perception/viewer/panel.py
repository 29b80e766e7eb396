"""The viewer's control panel: layer checkboxes, number of grasps, details of the selected grasp, legend."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import viser

from gsn_perception.grasping import Gripper
from gsn_perception.viewer.figures import Figures
from gsn_perception.viewer.results import Results
from gsn_perception.viewer.scene import COMPLETED_COLOR
from gsn_perception.viewer.scene import OBSERVED_COLOR
from gsn_perception.viewer.scene import SceneNodes
from gsn_perception.viewer.scene import score_color
from gsn_perception.viewer.shapes import boxes

_FIRST = 3  # grasps shown at start, or one of each object
_PRESETS = {"measured": "Points (measured)", "completed": "Mesh (completed)", "splat": "Splat (Gaussians)"}
_STYLE = "padding:0 0.8em 0.4em;font-size:0.8em;line-height:1.45"


def build_panel(server: viser.ViserServer, results: Results, gripper: Gripper, nodes: SceneNodes) -> None:
    """Build the panel on the right side."""
    server.gui.set_panel_label("gsn view")
    server.gui.add_html(notes_html(results))
    if nodes.layers:
        _add_switches(server, nodes)
    slider = _add_slider(server, results, nodes) if nodes.forks else None
    _add_surroundings(server, nodes)
    server.gui.add_html(legend_html(nodes, results.plane is not None))
    if slider is not None:
        _Clicks(server, results, gripper, nodes)


def _add_switches(server: viser.ViserServer, nodes: SceneNodes) -> None:
    """Add presets, a checkbox per layer, and the switch to confidence colours."""
    there = [name for name, layer in _PRESETS.items() if layer in nodes.layers]
    preset = server.gui.add_button_group("Look at", there) if len(there) > 1 else None
    first = next(iter(nodes.layers))
    switches: dict[str, Any] = {name: server.gui.add_checkbox(name, name == first) for name in nodes.layers}
    known = any(unsure is not None for _, unsure in nodes.layers.values())
    confidence = server.gui.add_checkbox("Confidence colours", False) if known else None

    def refresh(_event: object = None) -> None:
        for name, (plain, unsure) in nodes.layers.items():
            other = confidence is not None and confidence.value and unsure is not None
            plain.visible = switches[name].value and not other
            if unsure is not None:
                unsure.visible = switches[name].value and other

    for control in (*switches.values(), *([] if confidence is None else [confidence])):
        control.on_update(refresh)
    if preset is not None:

        @preset.on_click
        def _(_event: object) -> None:
            for name, switch in switches.items():
                switch.value = name == _PRESETS[preset.value]
            refresh()

    refresh()


def _add_surroundings(server: viser.ViserServer, nodes: SceneNodes) -> None:
    for name, node in (("Grid", nodes.grid), ("Camera axes", nodes.axes)):
        if node is not None:
            _bind(server.gui.add_checkbox(name, True), node)


def _bind(box: Any, node: Any) -> None:
    @box.on_update
    def _(_event: object) -> None:
        node.visible = box.value


def _add_slider(server: viser.ViserServer, results: Results, nodes: SceneNodes) -> Any:
    count = len(nodes.forks)
    first = min(count, max(_FIRST, len({grasp.label for grasp in results.grasps})))
    slider = server.gui.add_slider("Grasps shown", 0, count, 1, first)

    def refresh(_event: object = None) -> None:
        shown = set(nodes.order[: int(slider.value)])
        for place, node in enumerate(nodes.forks):
            node.visible = place in shown

    slider.on_update(refresh)
    refresh()
    return slider


class _Clicks:
    """Handles clicks on grasps: draws the whole gripper and shows its details at the end of the panel."""

    def __init__(self, server: viser.ViserServer, results: Results, gripper: Gripper, nodes: SceneNodes) -> None:
        self._server, self._results, self._gripper = server, results, gripper
        self._figures = Figures(results, gripper)
        self._gripper_node: Any = None
        self._text = server.gui.add_html(f'<div style="{_STYLE}"><b>Click a grasp for its figures.</b></div>')
        for place, node in enumerate(nodes.forks):
            node.on_click(lambda _event, place=place: self._select(place))

    def _select(self, place: int) -> None:
        """Draw the whole gripper and show the details of its grasp."""
        if self._gripper_node is not None:
            self._gripper_node.remove()
        grasp = self._results.grasps[place]
        vertices, faces = boxes(self._gripper, grasp)
        self._gripper_node = self._server.scene.add_mesh_simple(
            "/gripper", vertices, faces, color=(90, 100, 115), opacity=0.25, flat_shading=True, cast_shadow=False
        )
        title = f"grasp {place + 1} of {len(self._results.grasps)}, {self._gripper.name}"
        rows = self._figures.table(place)
        self._text.content = figures_html(title, rows, self._figures.features(place))


def figures_html(title: str, rows: list[tuple[str, str]], features: dict[str, float]) -> str:
    """The details of a grasp as an HTML table, its features as bars."""
    lines = [_row(name, html.escape(value)) for name, value in rows]
    for name, value in features.items():
        bar = f'<span style="{_bar(value)}"></span>'
        lines.append(_row(name, f"{bar} {value:.2f}"))
    return f'<div style="{_STYLE}"><b>{html.escape(title)}</b><table>{"".join(lines)}</table></div>'


def _row(name: str, value: str) -> str:
    return f'<tr><td style="padding:0 0.8em 0 0;color:#777">{html.escape(name)}</td><td>{value}</td></tr>'


def _bar(value: float) -> str:
    return f"display:inline-block;height:0.6em;width:{6 * value:.2f}em;background:{_css(score_color(value))}"


def notes_html(results: Results) -> str:
    """HTML with sizes of the objects, reasons of refusals, and remarks."""
    if not results.notes:
        return f'<div style="{_STYLE}">{_size(results)}</div>'
    parts = results.parts()
    lines = []
    for note in results.notes:
        size = _extent_text(parts[note.label].vertices) if note.label in parts else ""
        lines.append(f"<b>object {note.label}</b> {', '.join(html.escape(t) for t in (size, note.text) if t)}")
        lines += [f'<span style="color:#b35c00">{html.escape(remark)}</span>' for remark in note.remarks]
    return f'<div style="{_STYLE}">{"<br>".join(lines)}</div>'


def _size(results: Results) -> str:
    points = results.extent()
    return _extent_text(points) if results.mesh is not None and len(points) else ""


def _extent_text(vertices: np.ndarray) -> str:
    return " x ".join(f"{1000 * v:.0f}" for v in np.ptp(vertices, axis=0)) + " mm"


def legend_html(nodes: SceneNodes, plane: bool) -> str:
    """HTML that explains the colours and lines."""
    lines = []
    if nodes.forks:
        lines.append(f"grasp: score 0 {_gradient(score_color(0), score_color(0.5), score_color(1))} 1")
    if nodes.layers:
        lines.append(f"confidence: completed {_gradient(COMPLETED_COLOR, OBSERVED_COLOR)} measured")
    if nodes.grid is not None:
        where = "on the support plane" if plane else "under the object; no support plane is known"
        lines.append(f"grid {where}, lines every {100 * nodes.cell:.0f} and {500 * nodes.cell:.0f} cm")
    lines.append(f"axes of the camera: {_swatch('#e00')}x right {_swatch('#0b0')}y down {_swatch('#00e')}z forward")
    lines.append("drag turns, right drag moves, wheel zooms")
    return f'<div style="{_STYLE};color:#555">{"<br>".join(lines)}</div>'


def _gradient(*colors: np.ndarray) -> str:
    stops = ", ".join(_css(color) for color in colors)
    return f'<span style="{_BLOCK};width:4em;background:linear-gradient(to right, {stops})"></span>'


def _swatch(color: str) -> str:
    return f'<span style="{_BLOCK};width:0.7em;background:{color};margin-right:0.2em"></span>'


_BLOCK = "display:inline-block;height:0.7em"


def _css(color: np.ndarray) -> str:
    return f"rgb({', '.join(str(round(255 * float(c))) for c in color)})"
