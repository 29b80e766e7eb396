"""A trained GSN for inference, run by an engine; geometry stays in torch and float32."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from gsn_perception.engines.choosing import Engine
from gsn_perception.engines.choosing import pick_engine
from gsn_perception.engines.openvino_module import OpenVinoModule
from gsn_perception.engines.packing import packed
from gsn_perception.engines.packing import unpacked
from gsn_perception.engines.prepacking import prepacked
from gsn_perception.engines.prepacking import unprepacked
from gsn_perception.engines.torch_tuning import by_columns
from gsn_perception.engines.torch_tuning import folded
from gsn_perception.engines.torch_tuning import rounded
from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.geometry.gaussians import cat
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.network import Trunk

_BATCH = 16  # crops per forward pass: limits the memory for any number of objects


class Runner(Protocol):
    """A GSN as a function, and the engine that runs it."""

    engine: Engine

    def __call__(self, image: Tensor, theta: Tensor) -> Gaussians:
        """Gaussians [B,N]; arguments as of :meth:`GSN.forward`."""
        ...


def make_runner(network: GSN, device: torch.device, engine: str = "auto", precision: str = "float32") -> Runner:
    """The network in an engine.

    Args:
        network: On the device and in eval mode; changed in place for inference.
        device: Where it runs.
        engine: See :func:`pick_engine`; if ``auto`` finds one that can't run this network, torch is used.
        precision: See :func:`pick_engine`.

    Raises:
        InputError: the engine or the precision is unknown or not there, or the engine can't run this network.
    """
    chosen = pick_engine(engine, precision, device)
    folded(unprepacked(network))
    if chosen.name == "openvino":
        try:
            return OpenVinoRunner(packed(network), chosen)
        except InputError:
            if chosen.required:
                raise
            chosen = replace(chosen, name="torch")
    tuned = by_columns(packed(network)) if device.type == "cpu" else unpacked(network)
    return TorchRunner(tuned, device, chosen)


def infer_splats(run: Runner, crops: Sequence[Crop], device: torch.device) -> list[Gaussians]:
    """The splats of crops in the normalised frame, on the CPU; one call for every ``_BATCH`` crops."""
    splats: list[Gaussians] = []
    with torch.inference_mode():
        for first in range(0, len(crops), _BATCH):
            inputs = (crop.tensors(device) for crop in crops[first : first + _BATCH])
            images, thetas = zip(*inputs, strict=True)
            batch = run(torch.cat(images), torch.cat(thetas)).to("cpu", torch.float32)
            splats += [batch[i] for i in range(len(images))]
    return splats


class TorchRunner:
    """The network itself; with bfloat16 its trunk under autocast."""

    def __init__(self, network: GSN, device: torch.device, engine: Engine) -> None:
        self.network, self.device, self.engine = network, device, engine
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.half: Trunk | None = None
        if engine.precision == "bfloat16":
            self.half = rounded(deepcopy(Trunk(network)))
        elif device.type == "cpu":
            example = network.example().contiguous(memory_format=torch.channels_last)
            prepacked(network, lambda: network(example, torch.full((1,), 0.2)))

    @torch.inference_mode()
    def __call__(self, image: Tensor, theta: Tensor) -> Gaussians:
        """Gaussians [B,N]; arguments as of :meth:`GSN.forward`."""
        image = image.contiguous(memory_format=torch.channels_last)
        if self.half is None:
            return self.network(image, theta)
        with torch.autocast(self.device.type, torch.bfloat16):
            parts = self.half(image, theta)
        refiner = self.network.refiner
        values = dict(zip(self.half.outputs, parts, strict=True))
        return _decoded(self.network, values, image, theta, None if refiner is None else refiner.network)


class OpenVinoRunner:
    """Trunk and shared refinement network compiled by OpenVINO, one crop after another.

    The number of crops has no influence on a result. The refinement network is float32 with any precision, because its
    outputs are offsets of Gaussians.

    Raises:
        InputError: OpenVINO can't run this network.
    """

    def __init__(self, network: GSN, engine: Engine) -> None:
        config, refiner = network.config, network.refiner
        self.network, self.engine = network, engine
        trunk = Trunk(network)
        example = {"image": network.example(), "theta": torch.full((1,), 0.2)}
        self.trunk = OpenVinoModule(trunk, example, trunk.outputs, engine.precision)
        self.shared: OpenVinoModule | None = None
        if refiner is not None:
            rows = {"rows": torch.zeros(1, config.count, refiner.inputs)}
            self.shared = OpenVinoModule(refiner.network, rows, ("out",))

    @torch.inference_mode()
    def __call__(self, image: Tensor, theta: Tensor) -> Gaussians:
        """Gaussians [B,N]; arguments as of :meth:`GSN.forward`."""
        image = image[:, : self.network.config.channels]
        return cat([self._one(image[i : i + 1], theta[i : i + 1]) for i in range(len(image))])

    def _one(self, image: Tensor, theta: Tensor) -> Gaussians:
        shared = self.shared
        network = None if shared is None else (lambda rows: shared(rows=rows)["out"])
        return _decoded(self.network, self.trunk(image=image, theta=theta), image, theta, network)


def _decoded(
    network: GSN, values: dict[str, Tensor], image: Tensor, theta: Tensor, shared: Callable[[Tensor], Tensor] | None
) -> Gaussians:
    """Gaussians [B,N] of a trunk's outputs; ``shared`` is the refinement's network, or None without refinement."""
    made = network.sculpted(values, theta)
    if network.refiner is None or shared is None:
        return made
    image = image[:, : network.config.channels]
    return network.refiner.refined(made, image, values["features"], theta, shared)
