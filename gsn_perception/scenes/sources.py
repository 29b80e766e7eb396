"""Where a dataset's objects come from: objects at hand, or picklable calls that make one each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

ObjectSource = TexturedMesh | Callable[[], TexturedMesh]


def source_identity(source: ObjectSource) -> str:
    """What tells one source from another: name and geometry, or the call with its arguments."""
    if isinstance(source, TexturedMesh):
        digest = hashlib.sha256(source.mesh.vertices.tobytes() + source.mesh.faces.tobytes())
        digest.update(b"" if source.texture is None else source.texture.tobytes())
        return f"{source.name}:{digest.hexdigest()[:16]}"
    if isinstance(source, partial):
        args = [_argument(a) for a in source.args] + [f"{k}={v}" for k, v in sorted(source.keywords.items())]
        return f"{source.func.__module__}.{source.func.__qualname__}({', '.join(args)})"
    return f"{source.__module__}.{source.__qualname__}"


def _argument(value: Any) -> str:
    """An argument as text; of a file its last names and size, so that a moved folder stays the same dataset."""
    if isinstance(value, Path):
        size = value.stat().st_size if value.is_file() else -1
        return "/".join([*value.parts[-2:], str(size)])
    return repr(value)
