"""Two processes train as one: gradients averaged, one writer, nobody left waiting at an evaluation."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from gsn_perception.gsn.weights import load_gsn
from gsn_perception.scenes.datasets.views_dataset import build_dataset
from gsn_perception.scenes.objects import random_object

WORKER = """
import itertools, json, sys
from pathlib import Path
from types import SimpleNamespace
import torch
from gsn_perception.training import loop as module
from gsn_perception.training.config import LossWeights, TrainConfig
from gsn_perception.training.trainer import Trainer

torch.set_num_threads(1)
folder, out, minutes = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
config = TrainConfig(
    config="tiny", data=(folder,), dev=folder, out=out, steps=4, minutes=minutes, batch=2, views=2, size=32,
    final_size=32, warmup=1, precision="32-true", accelerator="cpu", devices=2, loss=LossWeights(ecd=0.1),
    eval_minutes=minutes / 3 if minutes else 0.0001,
)
trainer = Trainer(config, progress=False)
rank = trainer.fabric.global_rank
seen = []
backward = trainer.fabric.backward

def watched(loss):
    backward(loss)
    flat = torch.cat([p.grad.flatten() for p in trainer.network.parameters() if p.grad is not None])
    seen.append((float(loss.detach()), float(flat.norm()), float(flat.sum())))

trainer.fabric.backward = watched
if minutes:  # a clock that is known, and runs twice as fast in one of the processes
    ticks = itertools.count()
    module.time = SimpleNamespace(perf_counter=lambda: next(ticks) * (1.0 + rank))
figures = trainer.run()
weights = torch.cat([p.detach().flatten() for p in trainer.network.parameters()])
report = {"steps": trainer.step, "seen": seen, "weights": float(weights.double().sum()), "figures": figures}
(out.parent / f"rank_{rank}.json").write_text(json.dumps(report))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    sources = [partial(random_object, seed) for seed in (1, 9)]
    return build_dataset(sources, tmp_path_factory.mktemp("views"), views=4, size=64, workers=0, progress=False)


def two(folder: Path, tmp_path: Path, minutes: float) -> list[dict]:
    (tmp_path / "worker.py").write_text(WORKER)
    words = [sys.executable, str(tmp_path / "worker.py"), str(folder), str(tmp_path / "run"), str(minutes)]
    subprocess.run(words, check=True, timeout=500, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return [json.loads((tmp_path / f"rank_{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.long
def test_gradients_are_averaged_and_rank_0_writes(folder: Path, tmp_path: Path) -> None:
    first, second = two(folder, tmp_path, 0.0)
    assert first["steps"] == second["steps"] == 4
    for a, b in zip(first["seen"], second["seen"], strict=True):
        assert a[0] != b[0]  # each has a batch of its own
        assert a[1:] == pytest.approx(b[1:], rel=1e-4)  # and the same gradient
    assert first["weights"] == pytest.approx(second["weights"], rel=1e-6)
    assert first["figures"]
    assert second["figures"] == {}  # evaluates nothing
    assert sorted(p.name for p in (tmp_path / "run").glob("gsn.*")) == ["gsn.json", "gsn.safetensors"]
    assert load_gsn(tmp_path / "run" / "gsn.safetensors")[1]["steps"] == 4
    assert len(list((tmp_path / "run").glob("events.out.tfevents*"))) == 1


@pytest.mark.long
def test_a_schedule_in_minutes_ends_at_one_step(folder: Path, tmp_path: Path) -> None:
    """Clocks differ between processes, and only one evaluates: both must leave the loop together."""
    first, second = two(folder, tmp_path, 0.1)
    assert first["steps"] == second["steps"] == 6  # seconds by the first process's clock
    assert first["weights"] == pytest.approx(second["weights"], rel=1e-6)
