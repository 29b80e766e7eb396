"""Network checkpoints: safetensors weights and a JSON file with configuration, checksum and provenance. Never pickle.

Weights are stored compactly: matrices of at least ``BYTES_FROM`` values as int8 with one step per row (under NAME + ``:step``),
other floats as float16. Loaded, everything is float32.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from safetensors.torch import save_file
from torch import Tensor
from torch import nn
from torch.overrides import TorchFunctionMode

from gsn_perception.geometry.errors import InputError

FORMAT = 2
_READABLE = (1, 2)  # format 1 had no int8 matrices
BYTES_FROM = 200_000
_STEP = ":step"
N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Weights with configuration and provenance.

    Attributes:
        kind: Which network, e.g. "gsn".
        config: Its configuration as plain values.
        state: Tensors by name, float32.
        info: Provenance: steps, data, figures.
        sha256: Of the file it was read from, or empty.
    """

    kind: str
    config: Mapping[str, Any]
    state: Mapping[str, Tensor]
    info: Mapping[str, Any]
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """The file from which weights were loaded; tells whether the file was replaced later.

    Attributes:
        path: The file.
        sha256: Of what was loaded.
        stat: Inode, size and time of change (ns) just before loading.
    """

    path: Path
    sha256: str
    stat: tuple[int, int, int]

    @staticmethod
    def stat_of(path: Path) -> tuple[int, int, int]:
        """Inode, size and time of change; zeros if the file does not exist."""
        try:
            found = path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    @property
    def replaced(self) -> bool:
        """Whether the file on disk is no longer the one that was loaded."""
        return self.stat_of(self.path) != self.stat


def save_checkpoint(path: Path, checkpoint: Checkpoint, *, half: bool = True) -> None:
    """Write PATH (safetensors; int8 and float16 if ``half``) and PATH with suffix .json.

    The JSON file is written last and names the weights' SHA-256, so that an interrupted save is noticed at load.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = _packed(checkpoint.state) if half else {k: _plain(v) for k, v in checkpoint.state.items()}
    part = path.with_suffix(".part")
    save_file(state, part)
    description = {
        "format": FORMAT,
        "kind": checkpoint.kind,
        "config": dict(checkpoint.config),
        "info": dict(checkpoint.info),
        "sha256": hashlib.sha256(part.read_bytes()).hexdigest(),
    }
    part.chmod(0o644)  # safetensors writes for the owner alone
    part.replace(path)
    path.with_suffix(".json").write_text(json.dumps(description, indent=1) + "\n")


def load_checkpoint(path: Path, kind: str) -> Checkpoint:
    """Read weights and check the checksum.

    Raises:
        InputError: a file is missing, damaged, of another kind or of a newer format.
    """
    sidecar = path.with_suffix(".json")
    if not path.is_file() or not sidecar.is_file():
        raise InputError(
            f"checkpoint {path} or its {sidecar.name} is missing; give the .safetensors file beside its .json"
        )
    try:
        description = json.loads(sidecar.read_text())
        digest, config = description["sha256"], description["config"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{sidecar} is not a checkpoint description ({error}); save the checkpoint again") from error
    if description.get("format") not in _READABLE or description.get("kind") != kind:
        found = f"{description.get('kind')} format {description.get('format')}"
        raise InputError(f"checkpoint {path} holds {found}, expected {kind} format {FORMAT}; choose another file")
    data = path.read_bytes()  # one read: the file may be replaced at any moment
    if hashlib.sha256(data).hexdigest() != digest:
        raise InputError(f"checkpoint {path} is damaged or truncated (its checksum differs); copy or save it again")
    try:
        state = load(data)
    except SafetensorError as error:
        raise InputError(f"checkpoint {path} can't be read ({error}); copy or save it again") from error
    return Checkpoint(kind, config, _unpacked(state), description.get("info", {}), digest)


def load_network(path: Path, kind: str, make: Callable[[Mapping[str, Any]], N]) -> tuple[N, Mapping[str, Any]]:
    """A network in eval mode and its provenance (``info``), with the file's ``sha256``.

    Args:
        path: Weights beside their JSON file.
        kind: Which network, e.g. "gsn".
        make: Makes the network from its configuration (plain values, tuples instead of lists).

    Raises:
        InputError: the file is missing, damaged, of another kind or of another architecture.
    """
    checkpoint = load_checkpoint(path, kind)
    try:
        with _Uninitialised():
            network = make({k: tuple(v) if isinstance(v, list) else v for k, v in checkpoint.config.items()})
        network.load_state_dict(dict(checkpoint.state), assign=True)  # without a second copy in memory
    except (TypeError, KeyError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(
            f"checkpoint {path} is of another architecture ({first}); train it again or give another"
        ) from error
    return network.eval(), {**checkpoint.info, "sha256": checkpoint.sha256}


def annotate(path: Path, values: Mapping[str, Any]) -> None:
    """Set values in the ``info`` of the JSON file beside the weights.

    Raises:
        InputError: there is no such file, or it can't be written.
    """
    sidecar = path.with_suffix(".json")
    part = path.with_suffix(".json.part")
    try:
        description = json.loads(sidecar.read_text())
        description["info"] = {**description.get("info", {}), **values}
        part.write_text(json.dumps(description, indent=1) + "\n")
        part.replace(sidecar)
    except (OSError, ValueError) as error:
        raise InputError(f"{sidecar} can't be written anew ({error}); copy the weights to a folder of yours") from error


def shipped(name: str) -> Path:
    """Path of weights shipped inside the package, by name ("gsn").

    Raises:
        InputError: none of that name is shipped.
    """
    path = Path(str(resources.files("gsn_perception"))) / "weights" / f"{name}.safetensors"
    if not path.is_file():
        raise InputError(f"no weights named {name!r} are shipped; give the path of a .safetensors file")
    return path


def checkpoint_path(checkpoint: str | Path | None) -> Path:
    """A file, or shipped weights by name; None or an empty name: the shipped GSN.

    Raises:
        InputError: none of that name is shipped.
    """
    if checkpoint is None or checkpoint == "":
        return shipped("gsn")
    path = Path(checkpoint)
    return path if path.suffix or path.parent != Path() else shipped(str(checkpoint))


class _Uninitialised(TorchFunctionMode):
    """Leaves tensors without random initial values, which take longer to draw than weights to read."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if function in (Tensor.normal_, Tensor.uniform_):
            return args[0]
        return function(*args, **(kwargs or {}))


def _plain(value: Tensor) -> Tensor:
    return value.detach().cpu().contiguous()


def _packed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The stored form; a row's rounding error is at most half of 1/127 of its largest weight."""
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        value = _plain(tensor)
        if value.is_floating_point() and value.ndim == 2 and value.numel() >= BYTES_FROM:
            step = (value.abs().amax(1, keepdim=True) / 127).clamp_min(1e-12)
            packed[name] = torch.round(value / step).clamp(-127, 127).to(torch.int8)
            packed[name + _STEP] = step
        else:
            packed[name] = value.to(torch.float16) if value.is_floating_point() else value
    return packed


def _unpacked(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for name, value in stored.items():
        if name.endswith(_STEP):
            continue
        if name + _STEP in stored:
            state[name] = torch.mul(value, stored[name + _STEP].float())  # int8 times float32 in one pass
        else:
            state[name] = value.float() if value.is_floating_point() else value
    return state
