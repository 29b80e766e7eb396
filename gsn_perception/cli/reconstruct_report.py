"""What `gsn reconstruct` says about each object: an entry of report.json, and a line on the terminal."""

from __future__ import annotations

from typing import Any

from gsn_perception.geometry.reconstruction import Reconstruction
from gsn_perception.geometry.reconstruction import Refusal


def entry(result: Reconstruction | Refusal) -> dict[str, Any]:
    """Scale, size, quality and remarks of an object, or why it was refused, for JSON."""
    if not isinstance(result, Reconstruction):
        return {"label": result.label, "refused": result.reason, "remarks": _remarks(result)}
    extent = result.mesh.vertices.max(0) - result.mesh.vertices.min(0)
    plane = result.support_plane
    return {
        "label": result.label,
        "scale_m_per_unit": result.scale,
        "scale_sigma": None if result.scale_sigma != result.scale_sigma else result.scale_sigma,
        "scale_source": result.scale_source,
        "support_plane": None if plane is None else [*plane.normal.tolist(), plane.offset],
        "T_camera_object": result.T_camera_object.tolist(),
        "extent_camera_axes_m": extent.tolist(),
        "gaussians": len(result.gaussians),
        "triangles": len(result.mesh.faces),
        "volume_m3": result.mesh.volume(),
        "quality": dict(result.quality),
        "timings": dict(result.timings),
        "remarks": _remarks(result),
    }


def _remarks(result: Reconstruction | Refusal) -> list[dict[str, str]]:
    return [{"code": remark.code, "text": remark.text} for remark in result.remarks]


def line(result: Reconstruction | Refusal) -> str:
    """One line about an object."""
    if not isinstance(result, Reconstruction):
        return f"object {result.label}: refused: {result.reason}"
    size = " x ".join(f"{1000 * v:.0f}" for v in result.mesh.vertices.max(0) - result.mesh.vertices.min(0))
    figures = ", ".join(f"{k} {v:.3g}" for k, v in result.quality.items() if not k.startswith("remark."))
    return f"object {result.label}: {size} mm, scale from {result.scale_source}, {figures}"
