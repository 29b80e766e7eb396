"""`gsn fit`: fits parameters stored with the weights on known objects (`dev`, never the objects used for reports)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from gsn_perception.cli.fit.options import Options

if TYPE_CHECKING:
    from gsn_perception.evaluation.views.cases import SurfaceCase
    from gsn_perception.pipeline import Reconstructor


def run(options: Options) -> int:
    """Print the tried values and the best ones."""
    if options.what == "skin":
        return _fit_skin(options)
    if options.what == "scale":
        from gsn_perception.cli.fit.scale import fit_scale

        return fit_scale(options)
    from gsn_perception.cli.fit.confidence import fit_confidence

    return fit_confidence(options)


def _fit_skin(options: Options) -> int:
    """Print a table: F-score, Chamfer distance and median volume ratio at the true scale; the best F-score is marked."""
    from gsn_perception.evaluation.reports.tables import check_writable
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.evaluation.views.cases import choose
    from gsn_perception.evaluation.views.cases import surface_case
    from gsn_perception.evaluation.views.protocol import Protocol
    from gsn_perception.io.checkpoints import annotate
    from gsn_perception.io.checkpoints import checkpoint_path
    from gsn_perception.pipeline import Reconstructor
    from gsn_perception.scenes.loader import load_meshes

    check_writable(options.json)
    base = Reconstructor.from_pretrained(options.checkpoint)
    objects = choose(load_meshes(options.objects)[0], options.budget, options.seed)
    cases = [surface_case(item, Protocol(seed=options.seed)) for item in objects]
    rows = _grid(options, base, cases)
    best = max(rows, key=lambda row: row["f_score"])
    for row in rows:
        print("  ".join(f"{k} {v:8.4f}" for k, v in row.items()), "<- best F" if row is best else "")
    if options.json is not None:
        write_json(options.json, {"rows": rows, "best": best})
    if options.write:
        solid = {"opacity_gain": best["gain"], "level": best["level"], "votes": int(best["votes"])}
        annotate(checkpoint_path(options.checkpoint), {"solid": solid})
    return 0


def _grid(options: Options, base: Reconstructor, cases: Sequence[SurfaceCase]) -> list[dict[str, float]]:
    import numpy as np
    from tqdm import tqdm

    from gsn_perception.evaluation.surfaces.geometry import TRUE
    from gsn_perception.evaluation.surfaces.geometry import evaluate_geometry
    from gsn_perception.pipeline import Reconstructor

    settings = replace(base.settings, mesh_method="gaussians")  # the parameters are those of the splat's own solid
    rows = []
    for gain, level, votes in tqdm(list(product(options.gains, options.levels, options.votes)), desc="fit", ncols=100):
        solid = replace(base.solid, opacity_gain=gain, level=level, votes=votes)
        trial = Reconstructor(base.network, base.device, settings, solid)
        scores = evaluate_geometry(cases, trial, seed=options.seed, samples=10_000)[TRUE]
        made = {k: [s[k] for s in scores if k in s] for k in ("f_score", "chamfer_l1", "volume_ratio")}
        means = {"f_score": float(np.mean(made["f_score"])), "chamfer_l1": float(np.mean(made["chamfer_l1"]))}
        rows.append(
            {"gain": gain, "level": level, "votes": votes, **means, "volume": float(np.nanmedian(made["volume_ratio"]))}
        )
    return rows
