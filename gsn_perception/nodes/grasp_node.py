"""Lifecycle node ``grasp``: subscribes to points, meshes and support plane, publishes ranked grasps."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from std_msgs.msg import Header
from std_srvs.srv import Trigger

from gsn_perception.geometry import InputError
from gsn_perception.grasping import GraspPlanner
from gsn_perception.grasping import Gripper
from gsn_perception.ros import interface
from gsn_perception.ros.messages import markers
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.moveit import grasps
from gsn_perception.ros.node import grasp_worker
from gsn_perception.ros.node.grasp_outputs import GraspOutputs
from gsn_perception.ros.node.lifecycle_node import ManagedNode
from gsn_perception.ros.node.pending_requests import PendingRequests
from gsn_perception.ros.node.plan_requests import PlanAnswer
from gsn_perception.ros.node.plan_requests import PlanJob
from gsn_perception.ros.node.plan_requests import PlanProgress
from gsn_perception.ros.node.plan_requests import PlanWorker
from gsn_perception.ros.node.stop_watch import StopWatch
from gsn_perception.ros.parameters.grasp import GraspSettings
from gsn_perception.ros.results.grasp_result import GraspResult
from gsn_perception.ros.results.grasp_result import GraspTask
from gsn_perception.ros.results.saving import fill_response
from gsn_perception.ros.results.saving import save_grasps
from gsn_perception.ros.results.shared import SharedMeshes
from gsn_perception.ros.streams.synchronizer import StampSynchronizer
from gsn_perception.ros.transforms.scene_cloud import scene_of

_STREAMS = ("points", "mesh", "support_plane")


class GraspNode(ManagedNode[GraspSettings]):
    """The grasp node; its interface is in the tables of the README.

    Args:
        options: For LifecycleNode.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("grasp", GraspSettings, **options)
        self._planner: tuple[GraspPlanner, GraspSettings] | None = None
        self._worker: PlanWorker | None = None
        self._synchronizer = StampSynchronizer(_STREAMS)
        self._lock = threading.Lock()  # of the synchronizer
        self._scene = scene_of(self.settings, self, self._on_bad_transform)
        self._outputs: GraspOutputs | None = None
        self._requests = PendingRequests[PlanAnswer]()
        self._order: str | None = None  # the object of the open request
        self._progress = PlanProgress()
        self._header: Header | None = None
        self._moveit_service: Any = None
        self._last: tuple[GraspTask, GraspResult, Gripper] | None = None
        self.create_service(Trigger, "~/plan", self._on_plan, callback_group=self.waiting_group)
        self.create_service(Trigger, "~/save", self._on_save, callback_group=self.service_group)

    def configure(self) -> None:
        """Load the gripper, create publishers and the worker."""
        self._planner = (grasp_worker.make_planner(self.settings), self.settings)
        grasp_worker.warm_up(self._planner[0])
        self._outputs = GraspOutputs(self)
        if self.settings.moveit_service:
            kind = grasps.service_type()
            call = self._on_moveit
            self._moveit_service = self.create_service(kind, "plan_grasps", call, callback_group=self.waiting_group)
        self._worker = PlanWorker(self._process_job, self.guard(self._on_worker_error, "the error handler"))

    def activate(self) -> None:
        """Subscribe."""
        self._synchronizer.reset()
        self._scene.close()
        self._scene = scene_of(self.settings, self, self._on_bad_transform)
        for topic in interface.GRASP_INPUTS:
            raw = topic == interface.MESH  # rclpy is slow with the objects of a large mesh
            stamp_of = markers.stamp_of if raw else _stamp_of
            self.subscribe(topic, partial(self._on_input, topic.name), stamp_of=stamp_of, raw=raw)
        if self.settings.use_scene:
            self.subscribe(interface.SCENE, self._scene.take)

    def deactivate(self) -> None:
        """Let the running plan end, then publish empty results so that no old grasp stays latched."""
        self._requests.answer(PlanAnswer("FAILURE", "the node was deactivated"))
        self.drain(self._worker)
        self._scene.close()
        header = self._header or make_header(self.get_clock().now().nanoseconds, "")
        if self._outputs is not None:
            self._outputs.clear(header)
        if self._worker is not None:
            self._worker.forget()
        self._header = self._last = None

    def cleanup(self) -> None:
        """Free the planner, the worker and the publishers."""
        if self._worker is not None:
            self._worker.close()
        if self._outputs is not None:
            self._outputs.close()
        if self._moveit_service is not None:
            self.destroy_service(self._moveit_service)
        self._worker = self._planner = self._moveit_service = self._outputs = None

    def apply(self, settings: GraspSettings) -> None:
        """New settings for the next plan."""
        if self.is_active and settings.use_scene != self.settings.use_scene:
            raise InputError("use_scene chooses a subscription; deactivate the node first")
        if self._planner is not None:
            self._planner = (grasp_worker.make_planner(settings), settings)

    def waiting(self) -> str:
        """The inputs that are missing, as a sentence; else empty."""
        missing = self._synchronizer.waiting_for()
        return f"waiting for {', '.join(missing)}: no message yet" if missing else ""

    def is_busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._worker is not None and not self._worker.is_idle

    def facts(self) -> dict[str, str]:
        """Progress of the running plan, or the result of the last one."""
        return self._progress.facts()

    def _on_input(self, stream: str, message: Any) -> None:
        if stream == "mesh" and not isinstance(message, SharedMeshes):
            message = markers.read_markers(message)
            if not message:
                raise InputError("the mesh array holds no marker; publish at least DELETEALL with a header")
            header = message[0].header
        else:
            header = message.header
        with self._lock:
            joined = self._synchronizer.add(stream, stamp_to_ns(header.stamp), message)
        if joined is not None and self._worker is not None and self._worker.put_frame(joined.messages):
            self.diagnostics.drop("overtaken")

    def _on_bad_transform(self, error: Exception) -> None:
        self.refuse("bad_message", error)

    @property
    def _gripper(self) -> Gripper:
        return self.settings.gripper() if self._planner is None else self._planner[0].gripper

    def _process_job(self, job: PlanJob) -> None:
        """Plan once; runs in the worker's thread."""
        assert self._planner is not None
        assert self._outputs is not None
        planner, settings = self._planner
        watch = StopWatch()
        targets = [target for target in (job.order, self._order) if target is not None]  # also a superseded request
        if job.order is None:
            self.diagnostics.count("frames")
            self._header = job.messages["points"].header
            targets = [settings.target, *targets]
        refused, task = "", None
        names = " and ".join(target or "every object" for target in dict.fromkeys(targets))
        try:
            task = grasp_worker.decode(job.messages, self._scene, settings)
            watch.lap("decode")
            result = grasp_worker.plan(
                task,
                planner,
                targets,
                partial(self._progress.show, names),
                first=settings.plan_first,
                on_part=lambda part: self._publish_part(part.only(targets[0]), job, watch),
            )
        except Exception as error:
            refused = self.refuse("not_planned", error)
            result = GraspResult(job.messages["points"].header)
        watch.lap("plan")
        selected = result if refused else result.only(targets[0])
        self._progress.end(selected, refused)
        if job.order is None:
            self._outputs.publish(selected, refused)
            self._last = None if task is None else (task, selected, planner.gripper)
        watch.lap("publish")
        self.diagnostics.latency(watch.times)
        self._requests.answer(PlanAnswer.of(result, refused), seen=job.seen)

    def _publish_part(self, part: GraspResult, job: PlanJob, watch: StopWatch) -> None:
        if job.order is None and self._outputs is not None and part.grasps:
            self._outputs.publish_part(part)
            watch.times.setdefault("early", watch.elapsed)

    def _on_worker_error(self, error: Exception) -> None:
        self._requests.answer(PlanAnswer("PLANNING_FAILED", self.refuse("worker", error)))

    def _request_plan(self, order: str | None) -> PlanAnswer:
        """Plan on the newest inputs and wait: for one object by name or label, or (None) as for a frame."""
        worker, timeout = self._worker, self.settings.trigger_timeout
        if not self.is_active:
            return PlanAnswer("FAILURE", "the node is not active")
        if worker is None or worker.inputs is None:
            return PlanAnswer("UNABLE_TO_AQUIRE_SENSOR_DATA", "nothing came in yet: " + self.waiting())
        self._order = order
        try:
            answer = self._requests.ask(timeout, lambda: worker.put_request(order))
        finally:
            self._order = None
        answer = answer or PlanAnswer("TIMED_OUT", f"the plan took longer than trigger_timeout = {timeout} s")
        return answer.only(self.settings.target if order is None else order)

    def _on_plan(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        answer = self._request_plan(None)
        response.success, response.message = answer.success, answer.sentence
        return response

    def _on_moveit(self, request: Any, response: Any) -> Any:
        answer = self._request_plan(request.target.id)  # the id of one of our collision objects, or empty for all
        if not answer.success:
            self.warn(f"plan_grasps: {answer.sentence}")
        grasps.fill(response, answer, self._gripper, self.get_name())
        return response

    def _on_save(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        last = self._last
        return fill_response(response, lambda: str(save_grasps(last, self.settings.output_dir)))


def _stamp_of(message: Any) -> int:
    return stamp_to_ns(message.header.stamp)


def main(args: Sequence[str] | None = None) -> int:
    """Spin the node until it is interrupted."""
    from gsn_perception.ros.node.executors import run

    return run(lambda: [GraspNode()], args, dds_segment=8)


if __name__ == "__main__":
    sys.exit(main())
