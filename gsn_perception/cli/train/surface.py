"""`gsn train surface`: train a surface network (onet, convonet, peif) on a data set of `gsn data --what surface`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from gsn_perception.cli.train.running import run_to_end
from gsn_perception.cli.train.running import save_on_signals
from gsn_perception.training.surface.config import SurfaceTrainConfig

if TYPE_CHECKING:
    from gsn_perception.training.surface.base import SurfaceTrainer

Options = SurfaceTrainConfig


def run(options: SurfaceTrainConfig) -> int:
    """Train to the end of the schedule and print the last metrics."""
    save_on_signals()
    trainer = make_trainer(options)
    return run_to_end(trainer.run, trainer.weights, decimals=4)


def make_trainer(options: SurfaceTrainConfig, *, progress: bool = True) -> SurfaceTrainer[Any]:
    """The trainer of the chosen model.

    Raises:
        InputError: the data or the initial weights are missing, or the configuration does not exist.
    """
    if options.model == "onet":
        from gsn_perception.training.surface.onet import OnetTrainer

        return OnetTrainer(options, progress=progress)
    if options.model == "peif":
        from gsn_perception.training.surface.peif import PeifTrainer

        return PeifTrainer(options, progress=progress)
    from gsn_perception.training.surface.convonet import ConvonetTrainer

    return ConvonetTrainer(options, progress=progress)
