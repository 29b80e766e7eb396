"""A torch module compiled by OpenVINO for the CPU, straight from memory: no second weights file."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from collections.abc import Sequence
from threading import Lock
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch import nn

from gsn_perception.engines.names import PrecisionName
from gsn_perception.geometry.errors import InputError

_TELEMETRY = "openvino_telemetry"


class OpenVinoModule:
    """A module of named float32 tensors in and out.

    Thread-safe: calls of several threads wait for each other.

    Args:
        module: In eval mode, on the CPU. ``forward`` takes the tensors of ``example`` in this order and returns one tensor
            or a tuple. Its flow must not depend on values.
        example: Inputs by name; their shapes are those of every later call, except for ``free`` dims.
        outputs: Names of what ``forward`` returns.
        precision: Of convolutions and matrix products.
        free: Input name to dims whose size may differ from the example's.

    Raises:
        InputError: OpenVINO can't run this module.
    """

    def __init__(
        self,
        module: nn.Module,
        example: Mapping[str, Tensor],
        outputs: Sequence[str],
        precision: PrecisionName = "float32",
        free: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.inputs, self.outputs = tuple(example), tuple(outputs)
        self._shapes = [_shape(value, (free or {}).get(name, ())) for name, value in example.items()]
        try:
            self._request = _compiled(module, tuple(example.values()), self._shapes, precision).create_infer_request()
        except Exception as error:  # OpenVINO's exceptions have no common type
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip(" -")
            raise InputError(f"OpenVINO can't run the network ({reason}); choose engine torch") from error
        self._lock = Lock()

    def __call__(self, **given: Tensor) -> dict[str, Tensor]:
        """Outputs by name, float32 tensors of their own.

        Raises:
            ValueError: an input is missing or has another shape than the example's.
        """
        values = []
        for name, shape in zip(self.inputs, self._shapes, strict=True):
            value = given[name]
            if len(value.shape) != len(shape) or any(s not in (-1, n) for s, n in zip(shape, value.shape, strict=True)):
                raise ValueError(f"{name} has shape {tuple(value.shape)}, compiled for {tuple(shape)}")
            values.append(value.detach().to(torch.float32).contiguous().numpy())
        with self._lock:
            self._request.infer(values, share_inputs=True, share_outputs=True)
            made = [self._request.get_output_tensor(index).data.copy() for index in range(len(self.outputs))]
        return {name: torch.from_numpy(value) for name, value in zip(self.outputs, made, strict=True)}


def _shape(value: Tensor, free: Sequence[int]) -> list[int]:
    return [-1 if dim in free else size for dim, size in enumerate(value.shape)]


def _compiled(module: nn.Module, example: tuple[Tensor, ...], shapes: list[list[int]], precision: str) -> Any:
    openvino = quiet_openvino()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # OpenVINO reads torch.jit graphs, which torch calls deprecated
        # Traced here, because convert_model would trace with torch's check, which imports torch.distributed (seconds).
        traced = torch.jit.trace(module.eval(), example, check_trace=False)
    model = openvino.convert_model(traced, input=[openvino.PartialShape(shape) for shape in shapes])
    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,  # else inputs of int8 weights become int8, too, in spite of the precision
        "ENABLE_CPU_PINNING": False,  # the cores are shared: a pinned thread waits for whoever holds its core
    }
    return openvino.Core().compile_model(model, "CPU", config)


def quiet_openvino() -> ModuleType:
    """The package openvino, imported on demand and without its telemetry.

    ``import openvino`` sends usage events over the network and writes into the home folder, also without a question to the
    user. A robot must not. OpenVINO replaces the telemetry package by a stub if it can't be imported.
    """
    if "openvino" in sys.modules or _TELEMETRY in sys.modules:
        import openvino

        return openvino
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        import openvino
    finally:
        del sys.modules[_TELEMETRY]
    return openvino
