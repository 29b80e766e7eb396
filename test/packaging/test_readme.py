"""README says what the code does: its tables are made from the code (run this file to write them anew)."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def launch_table(arguments):
    rows = ["| Argument | Default | Meaning |", "|---|---|---|"]
    rows += [f"| `{name}` | `'{default}'` | {doc} |" for name, (default, doc) in arguments.items()]
    return "\n".join(rows) + "\n"


def tables():
    from gsn_perception.ros.parameters.declaration import to_table
    from gsn_perception.ros.parameters.grasp import GraspSettings
    from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
    from gsn_perception.ros.processes import launch_arguments

    return {
        "launch": launch_table(launch_arguments.GSN),
        "replay": launch_table(launch_arguments.REPLAY),
        "reconstruction": to_table(ReconstructionSettings),
        "grasp": to_table(GraspSettings),
    }


def filled(text, made):
    for name, table in made.items():
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        text, count = re.subn(pattern, lambda m, t=table: f"{m[1]}\n{t}\n{m[2]}", text, flags=re.DOTALL)
        assert count == 1, name
    return text


def test_parameter_and_launch_tables_are_those_of_the_code():
    pytest.importorskip("rclpy", reason="needs rclpy; make setup installs it")
    text = README.read_text()
    assert filled(text, tables()) == text, f"write them anew: python {Path(__file__).relative_to(ROOT)}"


def test_topic_tables_name_every_topic_with_its_type_and_qos():
    pytest.importorskip("rclpy", reason="needs rclpy; make setup installs it")
    from gsn_perception.ros import interface

    text = README.read_text()
    words = {"sensor": "best effort, depth 5", "latched": "reliable, transient local, depth 1"}
    for topic in vars(interface).values():
        if isinstance(topic, interface.Topic):
            row = next((line for line in text.splitlines() if f"| `{topic.name}` |" in line), "")
            assert topic.type_name in row, topic.name
            assert words[topic.qos] in row, topic.name


def test_every_gripper_and_every_command_is_named():
    from gsn_perception.cli.main import COMMANDS
    from gsn_perception.grasping import gripper_names

    text = README.read_text()
    for name in gripper_names():
        assert f"`{name}`" in text
    for name in COMMANDS:
        assert f"gsn {name}" in text


def test_links_and_pictures_exist():
    for page in [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_python_example_uses_names_that_exist():
    import gsn_perception

    example = re.search(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)[1]
    for node in ast.walk(ast.parse(example)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                assert getattr(gsn_perception, alias.name) is not None


if __name__ == "__main__":
    README.write_text(filled(README.read_text(), tables()))
