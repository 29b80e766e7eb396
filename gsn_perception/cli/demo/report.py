"""Report of the demo: tables, remarks, and a sentence for each missing result."""

from __future__ import annotations

from collections.abc import Mapping

from gsn_perception.cli.demo.graph import Outcome
from gsn_perception.evaluation.reports.tables import table
from gsn_perception.ros.processes.collector import OUTPUTS


def report(outcomes: Mapping[str, Outcome], peaks: Mapping[str, int]) -> tuple[str, list[str]]:
    """The text to print, and a sentence for each expected result that did not arrive."""
    parts = [_counts(outcomes), _latencies(outcomes), _stages(outcomes), _memory(peaks)]
    remarks = [f"{name}: {text}" for name, found in outcomes.items() for text in (*found.remarks, *lost_of(found))]
    if remarks:
        parts.append("remarks of the nodes\n" + "\n".join(f"  {line}" for line in remarks))
    missing = [f"{name}: {text}" for name, found in outcomes.items() for text in missing_of(found)]
    if not any(found.grasps for found in outcomes.values()):
        missing.append("no grasp was found in any recording")
    return "\n\n".join(parts), missing


def missing_of(outcome: Outcome) -> list[str]:
    """Missing results of one recording.

    The last message of every reliable output must be of the last frame (frames in between may be superseded), and a
    best-effort output must have arrived at all. Every object of the mask must be there, and both nodes must have
    reported their latencies. An object without a grasp is a valid result, not a missing one.
    """
    lost = lost_topics(outcome)
    missing = [f"no message of the last frame on {topic}" for topic in outcome.stale if topic not in lost]
    if outcome.objects < outcome.expected:
        missing.append(f"{outcome.objects} of {outcome.expected} objects were reconstructed")
    missing += [f"no latencies from {node}" for node, stages in outcome.stages.items() if not stages]
    return missing


def lost_topics(outcome: Outcome) -> list[str]:
    """Best-effort outputs whose last message the middleware lost, though others arrived."""
    best_effort = {topic.name for topic in OUTPUTS if topic.qos == "sensor"}
    return [topic for topic in outcome.stale if topic in best_effort and outcome.counts.get(topic)]


def lost_of(outcome: Outcome) -> list[str]:
    """A sentence for each of :func:`lost_topics`."""
    advice = "enlarge net.core.rmem_max, or use the DDS profile of this package"
    return [
        f"the last message on {topic}, which is best effort, was lost ({outcome.counts[topic]} arrived); {advice}"
        for topic in lost_topics(outcome)
    ]


def _counts(outcomes: Mapping[str, Outcome]) -> str:
    rows = [("played: frames", {name: float(o.played) for name, o in outcomes.items()})]
    for topic in ("image", *(t.name for t in OUTPUTS)):
        rows.append((topic, {name: float(o.counts.get(topic, 0)) for name, o in outcomes.items()}))
    rows.append(("objects in the last frame", {name: float(o.objects) for name, o in outcomes.items()}))
    rows.append(("grasps in the last frame", {name: float(o.grasps) for name, o in outcomes.items()}))
    return table(rows, dict.fromkeys(outcomes, ".0f"), "messages received")


def _latencies(outcomes: Mapping[str, Outcome]) -> str:
    rows = [
        (f"image -> {topic}", {name: _median(o.latencies[topic]) for name, o in outcomes.items()})
        for topic in ("gaussians", "grasps/table")
    ]
    return table(rows, dict.fromkeys(outcomes, ".2f"), "latency through DDS, s (median)")


def _stages(outcomes: Mapping[str, Outcome]) -> str:
    names = dict.fromkeys((node, s) for o in outcomes.values() for node, found in o.stages.items() for s in found)
    rows = [
        (
            f"{node}: {stage}",
            {name: o.stages[node][stage][0] for name, o in outcomes.items() if stage in o.stages[node]},
        )
        for node, stage in names
    ]
    return table(rows, dict.fromkeys(outcomes, ".1f"), "latency per stage, ms (mean)")


def _memory(peaks: Mapping[str, int]) -> str:
    return table([(name, {"MB": peak / 1e6}) for name, peak in peaks.items()], {"MB": ".0f"}, "peak memory")


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else float("nan")
