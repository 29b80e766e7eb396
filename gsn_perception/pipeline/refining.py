"""Refinement of a frame's splats against their crops, within the time that the frame has for it."""

from __future__ import annotations

from collections.abc import Sequence

from gsn_perception.geometry import Gaussians
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.refinement.posed_view import PosedView
from gsn_perception.gsn.refinement.refined import Budget
from gsn_perception.gsn.refinement.refined import refined_splat
from gsn_perception.pipeline.settings import ReconstructorSettings
from gsn_perception.rendering.cpu.pool import parallel_ranges
from gsn_perception.rendering.cpu.pool import thread_count


def refined_splats(
    splats: Sequence[Gaussians], crops: Sequence[Crop], settings: ReconstructorSettings
) -> list[Gaussians]:
    """The splats of crops, moved towards what the crops show; the same ones if ``refine_ms`` is 0.

    Objects are refined side by side on the cores, and every object gets the same share of the frame's time.

    Args:
        splats: Normalised frame, on the CPU.
        crops: What they were made from, in the same order.
        settings: ``refine_ms`` and ``refine_steps`` of the frame.
    """
    found = list(splats)
    if settings.refine_ms <= 0 or not found:
        return found
    at_once = min(thread_count(), len(found))
    budget = Budget(seconds=1e-3 * settings.refine_ms * at_once / len(found), steps=settings.refine_steps)

    def work(begin: int, end: int) -> None:
        for i in range(begin, end):
            found[i] = refined_splat(splats[i], [PosedView.of_crop(crops[i])], budget).splat

    parallel_ranges(work, len(found))
    return found
