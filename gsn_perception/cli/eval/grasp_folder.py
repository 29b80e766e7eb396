"""The folder of finished trials: it goes on only with the options and the judge it was begun with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

TRIALS = "trials.jsonl"
_GROWS = "budget"  # the one option that may differ: more objects


def check_folder(folder: Path, options: Mapping[str, str]) -> None:
    """Note the options, the judge and its simulator in the folder, or compare them with those noted.

    Raises:
        InputError: the folder's trials were made otherwise.
    """
    from gsn_perception.evaluation.grasps.trials import ELEVATION
    from gsn_perception.evaluation.physics.judge import REVISION
    from gsn_perception.evaluation.physics.judge import mujoco_version
    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.geometry import InputError

    path = folder / "options.json"
    now = {**options, "judge": str(REVISION), "mujoco": mujoco_version()}
    earlier = {"elevation": str(ELEVATION), "rejudge": "None", "judge": "1"}  # of folders that did not note these
    if path.is_file():
        before: Mapping[str, str] = earlier | json.loads(path.read_text())
        other = [name for name in now if name != _GROWS and before.get(name) != now[name]]
        if other:
            raise InputError(
                f"{folder} holds trials with another {other[0]}; give another --out or remove it"
                + (" (--rejudge carries its grasps out again)" if other[0] in ("judge", "mujoco") else "")
            )
    write_json(path, now)
