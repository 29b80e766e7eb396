"""`gsn bench peif`: time per query and equivariance error of the PEIF network."""

from __future__ import annotations

from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Literal

from gsn_perception.cli.bench.options import BenchOptions


@dataclass(frozen=True, slots=True)
class PeifBench(BenchOptions):
    """PEIF: milliseconds per 10,000 queries, stage by stage, and the equivariance error over all patches."""

    checkpoint: Path | None = None
    """Weights (.safetensors); by default random weights of --config with large outputs, which take the same time."""
    config: Literal["lean", "paper", "tiny"] = "lean"
    """Configuration of random weights."""
    points: int = 10_000
    """Number of points in each cloud."""


def bench_peif(options: PeifBench) -> tuple[str, str, dict[str, float], dict[str, Any]]:
    """Title, text, bars and results, in the same form as the other parts of `gsn bench`."""
    import torch

    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.speed.peif import bench_clouds
    from gsn_perception.evaluation.speed.peif import eigen_figures
    from gsn_perception.evaluation.speed.peif import equivariance_error
    from gsn_perception.evaluation.speed.peif import queries_near
    from gsn_perception.evaluation.speed.peif import time_peif
    from gsn_perception.surface.peif import PeifNetwork
    from gsn_perception.surface.peif import load_peif
    from gsn_perception.surface.peif import named_config

    if options.checkpoint is not None:
        network, _ = load_peif(options.checkpoint)
    else:
        torch.manual_seed(options.seed)
        network = PeifNetwork(named_config(options.config)).eval()
        torch.nn.init.normal_(network.out.weight, std=0.3)  # zero outputs would be equivariant in any case
    count, repeats, motions = {"smoke": (500, 1, 1), "short": (10_000, 3, 2), "full": (10_000, 9, 8)}[options.budget]
    clouds = bench_clouds(options.points, options.seed)
    near = {name: queries_near(cloud, count, options.seed) for name, cloud in clouds.items()}
    times = time_peif(network, clouds["sphere"], near["sphere"], repeats)
    eigen = eigen_figures(times)
    errors = {name: equivariance_error(network, c, near[name], motions, options.seed) for name, c in clouds.items()}
    rows = [(stage, {"ms": value}) for stage, value in times.items()]
    columns = {"degenerate": ".2%", "frames": ".2f", "p50": ".1e", "p95": ".1e", "largest": ".1e", "sound_p95": ".1e",
               "sound_largest": ".1e"}  # fmt: skip
    text = "\n\n".join(
        [
            table(rows, {"ms": ".2f"}, f"{count} queries, {options.points} points, median of {repeats}"),
            f"eigen stage: {eigen['share']:.1%} of the total, {eigen['times svd']:.0f}x as fast as torch.linalg.svd, "
            f"{eigen['times eigh']:.0f}x as fast as torch.linalg.eigh",
            table(
                [(name, asdict(e)) for name, e in errors.items()],
                columns,
                f"equivariance error in extents, {motions} motions (sound = not degenerate)",
            ),
        ]
    )
    figures = {"queries": count, "repeats": repeats, "median_ms": times, "eigen": eigen,
               "equivariance": {name: asdict(e) for name, e in errors.items()}}  # fmt: skip
    return f"PEIF, {count} queries", text, times, figures
