"""Base of the trainers of all surface networks: datasets, warm start, output file."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from typing import ClassVar
from typing import TypeVar

import numpy as np
from torch import nn

from gsn_perception.geometry.errors import InputError
from gsn_perception.io.checkpoints import load_checkpoint
from gsn_perception.training.loop import Loop
from gsn_perception.training.run_config import require_data
from gsn_perception.training.surface.config import SurfaceTrainConfig
from gsn_perception.training.surface.data import SurfaceDataset

N = TypeVar("N", bound=nn.Module)


class SurfaceTrainer(Loop[N]):
    """A resumable training run of a surface network.

    Args:
        config: Settings of the run.
        progress: Whether to show a progress bar.

    Raises:
        InputError: there are no data.
    """

    weights_name: ClassVar[str]

    def __init__(self, config: SurfaceTrainConfig, *, progress: bool = True) -> None:
        require_data(config, "gsn data --what surface")
        super().__init__(config, progress=progress)
        self.config = config
        self.sets = [SurfaceDataset(Path(d)) for d in config.data]
        self.dev = SurfaceDataset(config.dev) if config.dev is not None else None

    def _start(self, network: N, module: nn.Module | None = None) -> None:
        """As the base class, after a warm start from the weights of ``init``."""
        if self.config.init is not None:
            _load_into(network, self.config.init, self.weights_name)
        super()._start(network, module)

    @property
    def weights(self) -> Path:
        """Output file of the averaged weights."""
        return self.config.out / f"{self.weights_name}.safetensors"

    def _facts(self) -> dict[str, Any]:
        return {"objects": [len(s) for s in self.sets], "config_name": self.config.config}

    def _dev_objects(self) -> np.ndarray:
        """Indices of the dev objects that are evaluated, spread over the dataset."""
        assert self.dev is not None
        return np.unique(np.linspace(0, len(self.dev) - 1, min(len(self.dev), self.config.dev_objects)).astype(int))


def _load_into(network: nn.Module, path: Path, kind: str) -> None:
    """Load the weights of a file.

    Raises:
        InputError: it is missing, damaged, or of another network or size.
    """
    try:
        network.load_state_dict(dict(load_checkpoint(path, kind).state))
    except RuntimeError as error:
        raise InputError(f"{path} has other layers than this network; give its own --config, or no --init") from error
