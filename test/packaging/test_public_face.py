"""The public face: what users and their files rely on. A change here is a decision, never an accident.

``python test/packaging/test_public_face.py`` writes the list anew.
"""

import importlib
import re
import types
import typing
from dataclasses import fields
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import gsn_perception
from gsn_perception.cli import main

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("public_face.txt")


def command_modules():
    """Words on the command line and the module whose Options they take."""
    for command in main.COMMANDS:
        module = main.module_of(command)
        yield command, module
        for word, name in getattr(module, "SUBCOMMANDS", {}).items():
            yield f"{command} {word}", importlib.import_module(f"{main.PACKAGE}.{name}")


def options_of(kind, words):
    """Every option of a dataclass, or of a union of them as sub-commands."""
    if typing.get_origin(kind) is typing.Annotated:
        inner, *marks = typing.get_args(kind)
        named = [mark.name for mark in marks if getattr(mark, "name", None)]
        yield from options_of(inner, f"{words} {named[0]}" if named else words)
    elif isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        for member in typing.get_args(kind):
            named = typing.get_origin(member) is typing.Annotated
            yield from options_of(member, words if named else f"{words} {kebab(member.__name__)}")
    else:
        yield from (f"{words} {option}" for option in flat(kind, ""))


def flat(kind, prefix):
    hints = typing.get_type_hints(kind)
    for field in fields(kind):
        name = prefix + field.name.replace("_", "-")
        if is_dataclass(hints[field.name]):
            yield from flat(hints[field.name], f"{name}.")
        else:
            yield f"--{name}"


def kebab(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def commands():
    return [line for words, module in command_modules() for line in options_of(module.Options, f"gsn {words}")]


def topics():
    interface = importlib.import_module("gsn_perception.ros.interface")
    found = [value for value in vars(interface).values() if isinstance(value, interface.Topic)]
    return [f"{topic.name} {topic.type_name} {topic.qos}" for topic in found]


def services():
    sources = [path.read_text() for room in ("nodes", "ros") for path in (ROOT / "gsn_perception" / room).rglob("*.py")]
    return {name for text in sources for name in re.findall(r'"(~/[a-z_]+)"', text)}


def parameters():
    room = "gsn_perception.ros.parameters"
    kinds = {
        "reconstruction": importlib.import_module(f"{room}.reconstruction").ReconstructionSettings,
        "grasp": importlib.import_module(f"{room}.grasp").GraspSettings,
    }
    return [
        f"{node} {field.metadata['parameter'].name or field.name}"
        for node, kind in kinds.items()
        for field in fields(kind)
    ]


def files():
    patterns = ("launch/*.py", "config/*", "gsn_perception/weights/*")
    return [path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)]


def face():
    """The list, as text."""
    parts = {
        "names in gsn_perception": gsn_perception.__all__,
        "options": commands(),
        "topics": topics(),
        "services": services(),
        "parameters": parameters(),
        "files": files(),
    }
    return "\n".join(f"# {title}\n" + "".join(f"{line}\n" for line in sorted(lines)) for title, lines in parts.items())


def test_the_public_face_is_what_the_list_says():
    pytest.importorskip("rclpy")
    now, then = set(face().splitlines()), set(LIST.read_text().splitlines())
    gone, new = sorted(then - now), sorted(now - then)
    assert (gone, new) == ([], []), f"if it is meant: python {Path(__file__).relative_to(ROOT)}"


if __name__ == "__main__":
    LIST.write_text(face())
