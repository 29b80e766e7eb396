"""Parameters: one dataclass makes descriptors, checks, YAML and the README's table."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy")
from rclpy.parameter import Parameter

from gsn_perception.geometry import InputError
from gsn_perception.ros.parameters import declaration
from gsn_perception.ros.parameters.grasp import GraspSettings
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings

ROOT = Path(__file__).parents[3]
NODES = {"reconstruction": ReconstructionSettings, "grasp": GraspSettings}


def change(value, *, configured=False, **parameters):
    given = [Parameter(name.replace("__", "."), value=v) for name, v in parameters.items()]
    return declaration.changed(value, given, configured=configured)


@pytest.mark.parametrize("node", NODES)
def test_yaml_is_made_from_the_settings(node):
    path = ROOT / "config" / f"{node}.yaml"
    assert path.read_text() == declaration.to_yaml(node, NODES[node]), (
        f'run python -c "from gsn_perception.ros.parameters.declaration import to_yaml; '
        f'from gsn_perception.ros.parameters.{node} import *; print(to_yaml(...), end=str())" > {path}'
    )


@pytest.mark.parametrize("node", NODES)
def test_yaml_holds_every_default(node):
    values = yaml.safe_load((ROOT / "config" / f"{node}.yaml").read_text())[f"/**/{node}"]["ros__parameters"]
    flat = {}
    for name, value in values.items():
        flat |= {f"{name}.{leaf}": v for leaf, v in value.items()} if isinstance(value, dict) else {name: value}
    defaults = {name: item.default for name, (item, _) in declaration.rules(NODES[node]).items()}
    wanted = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}
    assert flat == wanted


@pytest.mark.parametrize("node", NODES)
def test_defaults_pass_their_own_checks_and_every_field_is_described(node):
    declaration.check(NODES[node]())
    for name, (_, rule) in declaration.rules(NODES[node]).items():
        assert len(rule.doc) > 5, name
        assert "\n" not in rule.doc
        assert "|" not in rule.doc


@pytest.mark.parametrize("node", NODES)
def test_readme_table(node):
    readme = ROOT / "README.md"
    text = readme.read_text() if readme.exists() else ""
    if not re.search(r"^\| Parameter \| Default \| Meaning \|", text, re.MULTILINE):
        pytest.skip("the README has no parameter tables yet")
    assert declaration.to_table(NODES[node]) in text


def test_defaults_are_those_of_the_pipeline_and_the_planner():
    pipeline = pytest.importorskip("gsn_perception.pipeline")
    from gsn_perception.grasping import PlannerSettings

    assert ReconstructionSettings().pipeline() == pipeline.ReconstructorSettings()
    assert GraspSettings().planner() == PlannerSettings()


def test_every_value_reaches_the_pipeline():
    pytest.importorskip("gsn_perception.pipeline")
    given = ReconstructionSettings(max_objects=3, mesh_resolution=32, min_depth=0.2, seed=5)
    told = given.pipeline()
    assert (told.max_objects, told.mesh_resolution, told.min_depth, told.seed) == (3, 32, 0.2, 5)
    box = GraspSettings(workspace_min=(-1.0, -1.0, 0.0), workspace_max=(1.0, 1.0, 2.0), max_grasps=4).planner()
    assert (box.workspace_min, box.max_grasps) == ((-1.0, -1.0, 0.0), 4)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"mask_mode": "both"}, "choose one of"),
        ({"device": "tpu"}, "choose auto"),
        ({"min_depth": -1.0}, "must lie in"),
        ({"min_depth": 6.0}, "not below max_depth"),
        ({"size_hint": float("nan")}, "not a number"),
        ({"support_plane": [0.0, 0.0, 1.0]}, "needs 4 numbers"),
        ({"support_plane": [0.0, 0.0, 0.0, 1.0]}, "normal"),
        ({"roi": [1, 1, 0, 5]}, "roi"),
        ({"camera_to_target": [0.0] * 6 + [1.0]}, "target_frame is empty"),
        ({"camera_to_target": [0.0] * 6 + [0.5], "target_frame": "base"}, "length one"),
        ({"mesh__resolution": 2}, "must lie in"),
        ({"mesh__method": "magic"}, "choose one of"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(parameters, sentence):
    with pytest.raises(InputError, match=sentence):
        change(ReconstructionSettings(), **parameters)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"gripper__name": "hand"}, "no gripper named"),
        ({"gripper__max_width": 0.2}, "opens from"),
        ({"workspace_min": [1.0, 0.0, 0.0]}, "workspace"),
        ({"score_threshold": 1.5}, "must lie in"),
    ],
)
def test_wrong_grasp_values_are_refused_with_a_sentence(parameters, sentence):
    with pytest.raises(InputError, match=sentence):
        change(GraspSettings(), **parameters)


def test_good_changes_make_new_settings_and_leave_the_old_ones():
    old = ReconstructionSettings()
    new = change(old, max_objects=2, support_plane=[0.0, 0.0, -2.0, 1.0], mesh__resolution=32, unknown__name=3)
    assert (new.max_objects, new.mesh_resolution) == (2, 32)
    np.testing.assert_allclose(new.plane.normal, [0, 0, -1])
    assert new.plane.offset == 0.5
    assert old.max_objects == 8


def test_fixed_parameters_change_only_while_unconfigured():
    assert change(ReconstructionSettings(), checkpoint="other").checkpoint == "other"
    with pytest.raises(InputError, match="clean up the node first"):
        change(ReconstructionSettings(), configured=True, checkpoint="other")
    assert change(ReconstructionSettings(), configured=True, max_objects=2, checkpoint="").max_objects == 2


def test_a_smaller_opening_reaches_the_gripper():
    assert GraspSettings(gripper_max_width=0.05).gripper().max_width == 0.05


def test_fields_and_parameters_are_the_same_set():
    for kind in NODES.values():
        assert len(declaration.rules(kind)) == len(fields(kind))
