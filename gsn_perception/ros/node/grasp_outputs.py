"""Outputs of the grasp node: grasps, table and markers once a frame, and early grasps while objects are still planned."""

from __future__ import annotations

from std_msgs.msg import Header

from gsn_perception.ros import interface
from gsn_perception.ros.node.reporting_node import ReportingNode
from gsn_perception.ros.results.grasp_result import CONVERTERS
from gsn_perception.ros.results.grasp_result import GraspResult
from gsn_perception.ros.results.grasp_result import table_message


class GraspOutputs:
    """The publishers of the grasp node.

    Args:
        node: Owns the publishers and the diagnostics.
    """

    def __init__(self, node: ReportingNode) -> None:
        self._node = node
        self._outputs = [node.make_output(topic, convert) for topic, convert in CONVERTERS.items()]
        self._early = node.make_output(interface.GRASPS_EARLY, table_message)

    def publish(self, result: GraspResult, refused: str) -> None:
        """Report remarks and objects without grasps, then publish the grasps; ``refused`` says why there is no plan."""
        for remark in result.remarks.values():
            self._node.remark(remark)
        for label, reason in result.reasons.items():
            if not any(grasp.label == label for grasp in result.grasps):
                self._node.refuse("no_grasp", f"object {label}: {reason}")
        if result.is_empty and not refused:
            self._node.diagnostics.empty_result(result.summary)
        for output in self._outputs:
            self._node.publish_guarded(output.send, result)

    def publish_part(self, part: GraspResult) -> None:
        """Publish the grasps of the objects planned so far."""
        self._node.publish_guarded(self._early.send, part)

    def clear(self, header: Header) -> None:
        """Publish empty results, so that no old grasp stays latched."""
        for output in self._outputs:
            output.send_now(GraspResult(header))

    def close(self) -> None:
        """Destroy the publishers."""
        for output in (*self._outputs, self._early):
            output.close()
