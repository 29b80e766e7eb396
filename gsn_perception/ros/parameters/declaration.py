"""Frozen dataclasses as ROS parameters: declaration, descriptors, checks, YAML file and README table."""

from __future__ import annotations

import sys
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import Field
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from dataclasses import replace
from difflib import get_close_matches
from typing import Any
from typing import TypeVar

import numpy as np
from rcl_interfaces.msg import FloatingPointRange
from rcl_interfaces.msg import IntegerRange
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from gsn_perception.geometry import InputError

S = TypeVar("S")
_KEY = "parameter"
_FIXED = "can only be changed while the node is unconfigured"


@dataclass(frozen=True, slots=True)
class Rule:
    """Description and limits of a parameter.

    Attributes:
        doc: Description, one line.
        low: Smallest value.
        high: Largest value.
        choices: Allowed values, or empty.
        fixed: Can be changed only while the node is unconfigured.
        read_only: Can be set only at start.
        name: ROS name where it differs from the field's name.
        check: Further check; raises InputError with a sentence.
        any_length: A list may have another length than the default.
    """

    doc: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    fixed: bool = False
    read_only: bool = False
    name: str = ""
    check: Callable[[Any], None] | None = None
    any_length: bool = False


def parameter(default: Any, doc: str, **rule: Any) -> Any:
    """A dataclass field that is a ROS parameter; keyword arguments as in :class:`Rule`."""
    return field(default=default, metadata={_KEY: Rule(doc, **rule)})


def rules(settings: type | Any) -> dict[str, tuple[Field[Any], Rule]]:
    """ROS name to field and rule, in order."""
    out = {}
    for item in fields(settings):
        rule: Rule = item.metadata[_KEY]
        out[rule.name or item.name] = (item, rule)
    return out


def declare(node: Node, settings: type[S]) -> S:
    """Declare every parameter on the node and read it back.

    Raises:
        InputError: an override is of the wrong type or out of bounds.
    """
    values = {}
    for name, (item, rule) in rules(settings).items():
        default = item.default
        value = list(default) if isinstance(default, tuple) else default
        try:
            values[item.name] = _native(node.declare_parameter(name, value, _descriptor(item, rule)).value, default)
        except Exception as error:  # rclpy has four exception types for a bad override
            raise InputError(f"parameter {name} of node {node.get_name()} is refused: {error}") from error
    made = settings(**values)
    check(made)
    return made


def misspelt(node: Node) -> list[str]:
    """A sentence for every override (of a file or the command line) that is no declared parameter; rclpy ignores these.

    QoS overrides are left out: they are declared with their topics.
    """
    given = getattr(node, "_parameter_overrides", {})  # rclpy has no public access
    known = [name for name in node.get_parameters_by_prefix("") if name]
    out = []
    for name in sorted(
        name for name in given if not node.has_parameter(name) and not name.startswith("qos_overrides.")
    ):
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"`ros2 param list {node.get_fully_qualified_name()}` shows them"
        out.append(f"node {node.get_name()} has no parameter {name}, which is ignored; {hint}")
    return out


def changed(settings: S, parameters: Sequence[Parameter], *, configured: bool) -> S:
    """The settings with some parameters replaced; unknown names are ignored.

    Raises:
        InputError: a value is refused, or fixed while the node is configured.
    """
    values = {}
    known = rules(settings)
    for item in parameters:
        if item.name not in known:
            continue
        definition, rule = known[item.name]
        value = _native(item.value, definition.default)
        if configured and rule.fixed and value != getattr(settings, definition.name):
            raise InputError(f"{item.name} {_FIXED}; clean up the node first")
        values[definition.name] = value
    made = replace(settings, **values)  # type: ignore[type-var]
    check(made)
    return made


def check(settings: Any) -> None:
    """Check every value, then the class's ``check`` of all values together.

    Raises:
        InputError: one sentence.
    """
    for name, (item, rule) in rules(settings).items():
        _check_value(name, getattr(settings, item.name), item.default, rule)
    together = getattr(settings, "check", None)
    if together is not None:
        together()


def to_yaml(node: str, settings: type) -> str:
    """A YAML parameter file with every default, and its description as a comment."""
    import yaml

    lines = [
        f"# Parameters of the node `{node}`; made from its settings, see the README for the table.",
        f"/**/{node}:",
    ]
    lines.append("  ros__parameters:")
    done: set[str] = set()
    for name, (item, rule) in rules(settings).items():
        *groups, leaf = name.split(".")
        indent = "    " + "  " * len(groups)
        if groups and groups[0] not in done:
            done.add(groups[0])
            lines.append(f"    {groups[0]}:")
        value = list(item.default) if isinstance(item.default, tuple) else item.default
        text = yaml.safe_dump(value, default_flow_style=True, width=200).replace("\n...", "").strip()
        lines += [f"{indent}# {rule.doc}{_limits(rule)}", f"{indent}{leaf}: {text}"]
    return "\n".join(lines) + "\n"


def to_table(settings: type) -> str:
    """Markdown table for the README: name, default, description."""
    rows = ["| Parameter | Default | Meaning |", "|---|---|---|"]
    for name, (item, rule) in rules(settings).items():
        value = list(item.default) if isinstance(item.default, tuple) else item.default
        shown = (
            str(value).lower() if isinstance(value, bool) else f"'{value}'" if isinstance(value, str) else str(value)
        )
        rows.append(f"| `{name}` | `{shown}` | {rule.doc}{_limits(rule)} |")
    return "\n".join(rows) + "\n"


def named_values(settings: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """``{target: value}`` of the fields ``{field: target}``, as arguments of another settings class."""
    return {target: getattr(settings, name) for name, target in names.items()}


def _check_value(name: str, value: Any, default: Any, rule: Rule) -> None:
    values = value if isinstance(value, tuple) else (value,)
    if isinstance(default, tuple) and len(values) != len(default) and not rule.any_length:
        raise InputError(f"{name} needs {len(default)} numbers, not {len(values)}")
    if rule.choices and value not in rule.choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(map(repr, rule.choices))}")
    for number in values:
        if isinstance(number, float) and np.isnan(number):
            raise InputError(f"{name} is not a number; give one")
        if (rule.low is not None and number < rule.low) or (rule.high is not None and number > rule.high):
            raise InputError(f"{name} is {number}; it must lie in [{_bound(rule.low)}, {_bound(rule.high)}]")
    if rule.check is not None:
        rule.check(value)


def _native(value: Any, default: Any) -> Any:
    """A parameter's value in the type of its default."""
    if isinstance(default, tuple):
        kind = type(default[0])
        if kind is str:
            return () if value is None else tuple(value)
        numbers = [] if value is None else list(value)
        if any(isinstance(n, str | bool) for n in numbers):
            raise InputError(f"{value!r} holds something else than numbers")
        return tuple(kind(n) for n in numbers)
    return value


def _descriptor(item: Field[Any], rule: Rule) -> ParameterDescriptor:
    limits = [f"one of {list(rule.choices)}"] if rule.choices else []
    limits += [_FIXED] if rule.fixed else []
    descriptor = ParameterDescriptor(description=rule.doc, read_only=rule.read_only)
    descriptor.additional_constraints = "; ".join(limits)
    if rule.low is None and rule.high is None:
        return descriptor
    if isinstance(item.default, float):
        low = -sys.float_info.max if rule.low is None else float(rule.low)
        high = sys.float_info.max if rule.high is None else float(rule.high)
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif isinstance(item.default, int):
        least = -(2**63) if rule.low is None else int(rule.low)
        most = 2**63 - 1 if rule.high is None else int(rule.high)
        descriptor.integer_range = [IntegerRange(from_value=least, to_value=most, step=1)]
    return descriptor


def _limits(rule: Rule) -> str:
    parts = []
    if rule.choices:
        parts.append("one of " + ", ".join(map(str, rule.choices)))
    if rule.low is not None or rule.high is not None:
        parts.append(f"in [{_bound(rule.low)}, {_bound(rule.high)}]")
    if rule.fixed or rule.read_only:
        parts.append("read at start" if rule.read_only else "read when configured")
    return f" ({'; '.join(parts)})" if parts else ""


def _bound(value: float | None) -> str:
    return "..." if value is None else f"{value:g}"
