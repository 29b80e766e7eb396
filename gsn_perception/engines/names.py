"""Names of engines and precisions; imports nothing, so that options and parameters can use them."""

from __future__ import annotations

from typing import Literal
from typing import get_args

EngineName = Literal["auto", "torch", "openvino"]
PrecisionName = Literal["float32", "bfloat16"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
PRECISIONS: tuple[PrecisionName, ...] = get_args(PrecisionName)
