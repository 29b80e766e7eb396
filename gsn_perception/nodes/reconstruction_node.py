"""Lifecycle node ``reconstruction``: subscribes to image, depth and mask, publishes Gaussians, points, meshes, plane."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from std_srvs.srv import SetBool
from std_srvs.srv import Trigger

from gsn_perception.geometry import InputError
from gsn_perception.process import free_memory
from gsn_perception.ros import interface
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.moveit import collision_objects
from gsn_perception.ros.node.frame_intake import FrameIntake
from gsn_perception.ros.node.frame_intake import mask_topic
from gsn_perception.ros.node.lifecycle_node import ManagedNode
from gsn_perception.ros.node.pending_requests import PendingRequests
from gsn_perception.ros.node.planning_turns import FrameWorker
from gsn_perception.ros.node.reconstruction_worker import FrameJob
from gsn_perception.ros.node.reconstruction_worker import FrameProcessor
from gsn_perception.ros.node.reconstruction_worker import LoadPipeline
from gsn_perception.ros.node.reconstruction_worker import load_pipeline
from gsn_perception.ros.node.reconstruction_worker import transform_source
from gsn_perception.ros.node.stop_watch import StopWatch
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.results import frame_result
from gsn_perception.ros.results.frame_result import FrameResult
from gsn_perception.ros.results.frame_result import SplatResult
from gsn_perception.ros.results.lazy_publisher import LazyPublisher
from gsn_perception.ros.results.object_ids import ObjectIds
from gsn_perception.ros.results.saving import fill_response
from gsn_perception.ros.results.saving import save
from gsn_perception.ros.results.shared import SHARED
from gsn_perception.ros.streams.frame_decoding import FrameDecoder
from gsn_perception.ros.transforms.sources import TransformSource
from gsn_perception.ros.views.view_keeper import ViewKeeper

_STREAM_PARAMETERS = ("use_depth", "use_mask", "image_transport", "depth_transport", "mask_transport")


class ReconstructionNode(ManagedNode[ReconstructionSettings]):
    """The reconstruction node; its interface is in the tables of the README.

    Args:
        load: Loads the pipeline when the node is configured.
        options: For LifecycleNode.
    """

    def __init__(self, load: LoadPipeline = load_pipeline, **options: Any) -> None:
        super().__init__("reconstruction", ReconstructionSettings, **options)
        self._load = load
        self._processor: FrameProcessor | None = None
        self._transforms: TransformSource | None = None
        self._worker: FrameWorker | None = None
        self._splats: LazyPublisher[SplatResult] | None = None  # published before the others, which wait for the meshes
        self._outputs: list[LazyPublisher[FrameResult]] = []
        self._collision: collision_objects.CollisionPublisher | None = None
        self._requests = PendingRequests[tuple[bool, str]]()  # success and sentence
        self._views = ViewKeeper(self)
        self._intake = FrameIntake(self, lambda: bool(self._requests) or self._views.is_asked, self._deliver)
        self._object_ids = ObjectIds()
        self._last: FrameResult | None = None
        self._draining = False
        group = self.service_group
        self.create_service(SetBool, "~/enable", self._intake.on_enable, callback_group=group)
        self.create_service(Trigger, "~/reconstruct", self._on_reconstruct, callback_group=self.waiting_group)
        self.create_service(Trigger, "~/save", self._on_save, callback_group=group)

    def configure(self) -> None:
        """Load weights, choose the source of transforms, create publishers and the worker."""
        settings = self.settings
        mask_topic(settings)  # fails early where yolo_msgs is missing
        self._transforms = transform_source(settings, self, lambda error: self.refuse("bad_message", error))
        self._views.configure(self._transforms)
        self._processor = FrameProcessor(settings, self._load(settings), self._transforms, FrameDecoder())
        self._splats = self.make_output(interface.GAUSSIANS, frame_result.gaussians_message)
        for topic, convert in frame_result.CONVERTERS.items():
            self._outputs.append(self.make_output(topic, convert, SHARED.get(topic)))
        if settings.publish_moveit:
            self._collision = collision_objects.CollisionPublisher(self, self.service_group)
        on_error = self.guard(self._on_worker_error, "the worker's error handler")
        self._worker = FrameWorker(self._process_job, on_error, lambda: self.settings.wait_for_grasps)

    def activate(self) -> None:
        """Subscribe to the topics that the parameters choose."""
        self._draining = False
        self._intake.open()
        if self._worker is not None:
            self._worker.turns.reset()
            self.subscribe(interface.GRASPS, self._worker.turns.take, raw=True)

    def deactivate(self) -> None:
        """End the running frame before its next mesh, then publish empty results so that none stays latched."""
        self._draining = True
        self._intake.close()
        self._requests.answer((False, "the node was deactivated"))
        self._views.clear("the node was deactivated")
        self.drain(self._worker)
        now = self.get_clock().now().nanoseconds
        header = self._last.header if self._last is not None else make_header(now, self.settings.target_frame)
        if self._splats is not None:
            self._splats.send_now(SplatResult(header))
        for output in self._outputs:
            output.send_now(FrameResult(header))
        if self._collision is not None:
            self._collision.clear(header)
        self._last = None

    def cleanup(self) -> None:
        """Free the weights, the worker and the publishers."""
        if self._worker is not None:
            self._worker.close()
        if self._splats is not None:
            self._splats.close()
        while self._outputs:
            self._outputs.pop().close()
        if self._collision is not None:
            self._collision.close()
        self._views.close()
        if self._transforms is not None:
            self._transforms.close()
        self._worker = self._processor = self._transforms = self._collision = self._splats = self._last = None
        free_memory()

    def apply(self, settings: ReconstructionSettings) -> None:
        """New settings for the next frame."""
        if self.is_active and any(getattr(settings, n) != getattr(self.settings, n) for n in _STREAM_PARAMETERS):
            raise InputError(f"{', '.join(_STREAM_PARAMETERS)} choose subscriptions; deactivate the node first")
        if self._processor is not None:
            self._processor = self._processor.with_settings(settings)
        if self.is_active and any(getattr(settings, n) != getattr(self.settings, n) for n in ("sync_slop", "max_wait")):
            self._intake.restart(settings)

    def waiting(self) -> str:
        """Why no frame reaches the worker, as a sentence; else empty."""
        return self._intake.waiting()

    def is_busy(self) -> bool:
        """Whether a frame is in work or waits for the worker."""
        return self._worker is not None and not self._worker.is_idle

    def facts(self) -> dict[str, str]:
        """Device and weights."""
        return {**({} if self._processor is None else self._processor.pipeline.describe()), **self._views.facts()}

    def _deliver(self, job: FrameJob) -> FrameJob | None:
        return None if self._worker is None else self._worker.put(job)

    def _process_job(self, job: FrameJob) -> None:
        """Process one frame; runs in the worker's thread."""
        processor, seen = self._processor, job.seen
        assert processor is not None
        waited, watch = time.monotonic() - seen, StopWatch()
        try:
            observation, T_target_camera = processor.observe(job.frame)
            observation, views = self._views.views(observation, seen)
        except Exception as error:
            self._requests.answer((False, self.refuse("bad_frame", error)), seen=seen)
            return
        watch.lap("decode")
        if not (self._intake.enabled or self._requests):  # asked for by ~/add_view alone
            return
        self.diagnostics.count("frames")
        early = partial(self._publish_splats, watch=watch)
        result = processor.reconstruct(observation, T_target_camera, early, lambda: not self._draining, views)
        result = self._identified(result, processor)
        if result.failure:
            self.refuse("not_reconstructed", result.failure)
        for refusal in result.refusals:
            self.refuse("object", f"object {refusal.label}: {refusal.reason}")
        for remark in result.remarks:
            self.remark(remark)
        if result.is_empty:
            self.diagnostics.empty_result(result.summary)
        watch.lap("reconstruct")
        self._publish(result)
        watch.lap("output")
        outputs: list[LazyPublisher[Any]] = [*self._outputs, *([] if self._splats is None else [self._splats])]
        convert, publish = (sum(output.seconds[i] for output in outputs) for i in (0, 1))
        parts = {"sync": job.sync, "wait": waited, "convert": convert, "publish": publish}
        self.diagnostics.latency({**result.timings(), **watch.times, **parts})
        self._requests.answer((bool(result.objects), result.summary), seen=seen)

    def _identified(self, result: FrameResult, processor: FrameProcessor) -> FrameResult:
        """The result with object ids that are stable over frames."""
        carried: Mapping[int, np.ndarray | None] = {}
        try:
            if self._collision is not None:
                stamp = stamp_to_ns(result.header.stamp)
                carried = self._collision.attached_boxes(lambda link: processor.locate(link, stamp))
        except Exception as error:  # no answer of MoveIt may end the frame
            self.refuse("moveit", error)
        return self._object_ids.assign(result, carried)

    def _publish_splats(self, found: SplatResult, watch: StopWatch) -> None:
        """Publish the Gaussians at once: the meshes take many times as long."""
        assert self._splats is not None
        self.publish_guarded(self._splats.send, found)
        watch.mark("gaussians")

    def _publish(self, result: FrameResult) -> None:
        self._last = result
        if self._worker is not None:
            self._worker.turns.publishing(stamp_to_ns(result.header.stamp))
        sends: list[Callable[[FrameResult], None]] = [output.share for output in self._outputs]
        sends += [output.send for output in self._outputs]
        if (collision := self._collision) is not None:
            sends.append(lambda result: collision.send(result, self.settings))
        for send in sends:
            self.publish_guarded(send, result)

    def _on_worker_error(self, error: Exception) -> None:
        self._requests.answer((False, self.refuse("worker", error)))

    def _on_reconstruct(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self.is_active:
            response.success, response.message = False, "the node is not active; configure and activate it first"
            return response
        timeout = self.settings.trigger_timeout
        late = f"no frame came within {timeout} s; check that image and camera_info are published"
        response.success, response.message = self._requests.ask(timeout) or (
            False,
            self._intake.waiting(after=0.0) or late,
        )
        return response

    def _on_save(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return fill_response(response, lambda: str(save(self._last, self.settings.output_dir)))


def main(args: Sequence[str] | None = None) -> int:
    """Spin the node until it is interrupted."""
    from gsn_perception.process import import_ahead
    from gsn_perception.ros.node.executors import run

    import_ahead("gsn_perception.pipeline.reconstructor", "gsn_perception.pipeline.meshing.completing")
    return run(lambda: [ReconstructionNode()], args, dds_segment=32)


if __name__ == "__main__":
    sys.exit(main())
