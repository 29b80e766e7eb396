"""The lifecycle node ``grasp``: points, meshes and support plane in; ranked grasps out."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from collections.abc import Sequence
from functools import partial
from typing import Any

from std_msgs.msg import Header
from std_srvs.srv import Trigger

from gsn_perception.geometry import InputError
from gsn_perception.grasping import GraspPlanner
from gsn_perception.ros import interface
from gsn_perception.ros import moveit
from gsn_perception.ros import planning
from gsn_perception.ros.headers import make_header
from gsn_perception.ros.headers import stamp_to_ns
from gsn_perception.ros.mailbox import Mailbox
from gsn_perception.ros.managed_node import ManagedNode
from gsn_perception.ros.markers import read_markers
from gsn_perception.ros.node_settings import GraspSettings
from gsn_perception.ros.outputs import Output
from gsn_perception.ros.planning import GraspResult
from gsn_perception.ros.processing import StopWatch
from gsn_perception.ros.scene import scene_of
from gsn_perception.ros.synchronizer import StampSynchronizer
from gsn_perception.ros.tickets import Tickets

_STREAMS = ("points", "mesh", "support_plane")


class GraspNode(ManagedNode[GraspSettings]):
    """See the interface tables in the README.

    Args:
        options: For LifecycleNode.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("grasp", GraspSettings, **options)
        self._planner: tuple[GraspPlanner, GraspSettings] | None = None
        self._mailbox: Mailbox[tuple[Mapping[str, Any], float]] | None = None
        self._synchronizer = StampSynchronizer(_STREAMS)
        self._lock = threading.Lock()  # of the synchronizer
        self._scene = scene_of(self.settings, self, self._on_bad_transform)
        self._inputs: Mapping[str, Any] | None = None
        self._outputs: list[Output[GraspResult]] = []
        self._tickets = Tickets()
        self._header: Header | None = None
        self._moveit_service: Any = None
        self._last = GraspResult(Header())
        self.create_service(Trigger, "~/plan", self._on_plan, callback_group=self.waiting_group)

    def configure(self) -> None:
        """Load the gripper, make publishers and the worker."""
        self._planner = (planning.make_planner(self.settings), self.settings)
        planning.warm_up(self._planner[0])
        converters = {
            interface.GRASPS: planning.poses_message,
            interface.GRASP_TABLE: planning.table_message,
            interface.GRASP_MARKERS: planning.markers_message,
        }
        for topic, convert in converters.items():
            self._outputs.append(self.make_output(topic, convert))
        if self.settings.moveit_service:
            kind = moveit.grasp_service_type()
            call = self._on_moveit
            self._moveit_service = self.create_service(kind, "plan_grasps", call, callback_group=self.waiting_group)
        self._mailbox = Mailbox(self._work, self._on_worker_error)

    def activate(self) -> None:
        """Subscribe."""
        self._synchronizer.reset()
        self._inputs = None
        self._scene.close()
        self._scene = scene_of(self.settings, self, self._on_bad_transform)
        for topic in interface.GRASP_INPUTS:
            # a large mesh is slow to build as objects
            self.listen(topic, partial(self._take, topic.name), raw=topic == interface.MESH)
        if self.settings.use_scene:
            self.listen(interface.SCENE, self._scene.take)

    def deactivate(self) -> None:
        """Let the running plan end, then publish empties so that no stale grasp stays latched."""
        self._tickets.answer(False, "the node was deactivated")
        if self._mailbox is not None:
            if self._mailbox.clear() is not None:
                self.diagnostics.drop("deactivated")
            self._mailbox.wait_idle()
        self._scene.close()
        header = self._header or make_header(self.get_clock().now().nanoseconds, "")
        self._last = GraspResult(header)
        for output in self._outputs:
            output.send_now(self._last)
        self._header = self._inputs = None

    def cleanup(self) -> None:
        """Free the planner, the worker and the publishers."""
        if self._mailbox is not None:
            self._mailbox.close()
        while self._outputs:
            self._outputs.pop().close()
        if self._moveit_service is not None:
            self.destroy_service(self._moveit_service)
        self._mailbox = self._planner = self._moveit_service = None

    def apply(self, settings: GraspSettings) -> None:
        """New settings for the next plan."""
        if self.is_active and settings.use_scene != self.settings.use_scene:
            raise InputError("use_scene chooses a subscription; deactivate the node first")
        if self._planner is not None:
            self._planner = (planning.make_planner(settings), settings)

    def waiting(self) -> str:
        """What nothing can be planned without."""
        missing = self._synchronizer.waiting_for()
        return f"waiting for {', '.join(missing)}: no message yet" if missing else ""

    def is_busy(self) -> bool:
        """Whether a frame is worked on or waits for the worker."""
        return self._mailbox is not None and not self._mailbox.is_idle

    def _take(self, stream: str, message: Any) -> None:
        if stream == "mesh":
            message = read_markers(message)
            if not message:
                raise InputError("the mesh array holds no marker; publish at least DELETEALL with a header")
            header = message[0].header
        else:
            header = message.header
        with self._lock:
            joined = self._synchronizer.add(stream, stamp_to_ns(header.stamp), message)
        if joined is not None:
            self._inputs = joined.messages
            self._plan(joined.messages)

    def _on_bad_transform(self, error: Exception) -> None:
        self.refuse("bad_message", error)

    def _plan(self, messages: Mapping[str, Any]) -> None:
        if self._mailbox is not None and self._mailbox.put((messages, time.monotonic())) is not None:
            self.diagnostics.drop("overtaken")

    def _work(self, job: tuple[Mapping[str, Any], float]) -> None:
        """One plan, in the worker's thread."""
        messages, seen = job
        assert self._planner is not None
        planner, settings = self._planner
        watch = StopWatch()
        self.diagnostics.count("frames")
        self._header = messages["points"].header
        refused = ""
        try:
            task = planning.decode(messages, self._scene, settings)
            watch.lap("decode")
            result = planning.plan(task, planner)
        except Exception as error:
            refused = self.refuse("not_planned", error)
            result = GraspResult(messages["points"].header)
        watch.lap("plan")
        for remark in result.remarks:
            self.remark(remark)
        for label, reason in result.reasons.items():
            if not any(grasp.label == label for grasp in result.grasps):
                self.refuse("no_grasp", f"object {label}: {reason}")
        self._last = result
        for output in self._outputs:
            try:
                output.send(result)
            except Exception as error:  # one output must not keep the others from their message
                self.refuse("conversion", error)
        watch.lap("publish")
        self.diagnostics.latency(watch.times)
        self._tickets.answer(bool(result.grasps), refused or result.summary, seen=seen)

    def _on_worker_error(self, error: Exception) -> None:
        self._tickets.answer(False, self.refuse("worker", error))

    def _ask(self) -> tuple[bool, str]:
        """Plan on the newest inputs and wait."""
        inputs = self._inputs
        if not self.is_active or inputs is None:
            state = "nothing came in yet: " + self.waiting() if self.is_active else "the node is not active"
            return False, state
        answer = self._tickets.ask(self.settings.trigger_timeout, lambda: self._plan(inputs))
        return answer or (False, f"the plan took longer than trigger_timeout = {self.settings.trigger_timeout} s")

    def _on_plan(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = self._ask()
        return response

    def _on_moveit(self, request: Any, response: Any) -> Any:
        success, sentence = self._ask()
        if not success:
            self.warn(f"plan_grasps: {sentence}")
        result, wanted = self._last, request.target.id  # the id of our collision objects, or empty for all
        chosen = [grasp for grasp in result.grasps if wanted in ("", f"gsn_{grasp.label}")]
        offset = self._planner[0].gripper.tcp_offset if self._planner is not None else 0.0
        response.grasps = moveit.grasp_messages(chosen if success else [], result.header, tcp_offset=offset)
        response.error_code.val = 1 if success else -1  # MoveItErrorCodes SUCCESS, PLANNING_FAILED
        return response


def main(args: Sequence[str] | None = None) -> int:
    """Spin the node until it is interrupted."""
    from gsn_perception.ros.spinning import run

    return run(lambda: [GraspNode()], args)


if __name__ == "__main__":
    sys.exit(main())
