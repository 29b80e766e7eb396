"""Object sources of a dataset: objects, or picklable calls that each make one; and their identity for hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

ObjectSource = TexturedMesh | Callable[[], TexturedMesh]


def source_identity(source: ObjectSource) -> str:
    """A string that identifies a source: name and hash of the geometry, or the call with its arguments."""
    if isinstance(source, TexturedMesh):
        digest = hashlib.sha256(source.mesh.vertices.tobytes() + source.mesh.faces.tobytes())
        digest.update(b"" if source.texture is None else source.texture.tobytes())
        return f"{source.name}:{digest.hexdigest()[:16]}"
    if isinstance(source, partial):
        args = [_argument(a) for a in source.args] + [f"{k}={v}" for k, v in sorted(source.keywords.items())]
        return f"{source.func.__module__}.{source.func.__qualname__}({', '.join(args)})"
    return f"{source.__module__}.{source.__qualname__}"


def _argument(value: Any) -> str:
    """An argument as text; for a file its last two path parts and size, so that a moved folder gives the same dataset."""
    if isinstance(value, Path):
        size = value.stat().st_size if value.is_file() else -1
        return "/".join([*value.parts[-2:], str(size)])
    return repr(value)
