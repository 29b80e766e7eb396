"""Check of a folder of finished trials: a run is resumed only with the same options, judge and simulator version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

TRIALS = "trials.jsonl"
_GROWS = "budget"  # the only option that may differ: more objects


def check_folder(folder: Path, options: Mapping[str, str]) -> None:
    """Write the options, the judge and its simulator to the folder, or compare them with the stored ones.

    Raises:
        InputError: the trials in the folder were made with other settings.
    """
    from gsn_perception.evaluation.grasps.trials import ELEVATION
    from gsn_perception.evaluation.physics.judge import REVISION
    from gsn_perception.evaluation.physics.judge import mujoco_version
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.geometry import InputError

    path = folder / "options.json"
    now = {**options, "judge": str(REVISION), "mujoco": mujoco_version()}
    earlier = {"elevation": str(ELEVATION), "rejudge": "None", "judge": "1"}  # older folders do not contain these
    if path.is_file():
        before: Mapping[str, str] = earlier | json.loads(path.read_text())
        other = [name for name in now if name != _GROWS and before.get(name) != now[name]]
        if other:
            raise InputError(
                f"{folder} holds trials with another {other[0]}; give another --out or remove it"
                + (" (--rejudge executes its grasps again)" if other[0] in ("judge", "mujoco") else "")
            )
    write_json(path, now)
