"""`gsn upright`: train the small network that finds up in a crop, so that GSN always sees objects upright."""

from __future__ import annotations

import signal

from gsn_perception.training.upright import UprightConfig

Options = UprightConfig


def run(options: UprightConfig) -> int:
    """Train for the given minutes; print the errors of the angle on dev."""
    from gsn_perception.training.upright import train_upright

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    errors = train_upright(options)
    print(f"weights: {options.out / 'upright.safetensors'}")
    if errors is not None:
        print(f"median error {errors.median:.1f} degrees, within 20 degrees {errors.within_20:.0%}")
        print(f"median disagreement of rolled copies {errors.spread:.2f} degrees")
    return 0
