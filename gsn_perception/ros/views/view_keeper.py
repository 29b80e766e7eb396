"""``ViewKeeper``: the part of the reconstruction node that keeps views and looks up the camera's pose in a static frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from std_srvs.srv import Trigger

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Remark
from gsn_perception.pipeline.fusion.posed_view import PosedView
from gsn_perception.ros.node.lifecycle_node import ManagedNode
from gsn_perception.ros.node.pending_requests import PendingRequests
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.transforms.sources import FixedTransforms
from gsn_perception.ros.transforms.sources import TfTransforms
from gsn_perception.ros.transforms.sources import TransformSource
from gsn_perception.ros.views.view_store import ViewStore
from gsn_perception.ros.views.view_store import posed

_NO_FRAME = "no static frame is known: set fuse_frame to a frame of TF that does not move with the camera, e.g. the robot's base"


class ViewKeeper:
    """Services ``~/add_view`` and ``~/clear_views``, and the views for the frame in work.

    Args:
        node: Owns the services and the settings.
    """

    def __init__(self, node: ManagedNode[ReconstructionSettings]) -> None:
        self._node = node
        self._store = ViewStore()
        self._requests = PendingRequests[tuple[bool, str]]()
        self._transforms: TransformSource | None = None
        self._own: TfTransforms | None = None
        node.create_service(Trigger, "~/add_view", self._on_add, callback_group=node.waiting_group)
        node.create_service(Trigger, "~/clear_views", self._on_clear, callback_group=node.service_group)

    @property
    def is_asked(self) -> bool:
        """Whether ``~/add_view`` waits for a frame."""
        return bool(self._requests)

    def configure(self, transforms: TransformSource | None) -> None:
        """Choose the source of poses: that of the results where it is TF, else a TF of its own if ``fuse_frame`` is set.

        Raises:
            InputError: TF is needed and tf2_ros is missing.
        """
        self._transforms = None if isinstance(transforms, FixedTransforms) else transforms
        if self._transforms is None and self._node.settings.fuse_frame:
            timeout = self._node.settings.tf_timeout
            self._own = TfTransforms(self._node, timeout, lambda error: self._node.refuse("bad_message", error))
            self._transforms = self._own

    def close(self) -> None:
        """Forget the views and the source of poses."""
        self.clear("the node was deactivated")
        if self._own is not None:
            self._own.close()
        self._transforms = self._own = None

    def clear(self, why: str) -> None:
        """Forget the views, and answer requests that wait."""
        self._store.clear()
        self._requests.answer((False, why))

    def views(self, observation: Observation, seen: float) -> tuple[Observation, list[PosedView]]:
        """The frame with remarks, and the views to fuse, the frame last; no views where there is nothing to fuse.

        Args:
            observation: The frame.
            seen: When it was complete, monotonic seconds; requests made before are answered.
        """
        settings, asked = self._node.settings, self.is_asked
        if not (asked or settings.fuse_views or self._store.has_added):
            return observation, []
        try:
            pose = self._pose(observation, settings)
            earlier = self._store.earlier(observation, pose, settings)
            if asked:
                self._requests.answer((True, self._store.add(observation, pose, settings)), seen=seen)
            now = replace(posed(observation, pose, settings), observation=observation)
            return observation, [*earlier, now] if earlier else []
        except InputError as error:
            self._requests.answer((False, str(error)), seen=seen)
            text = f"the frame was not fused with other views: {error}"
            remark = Remark("view_pose_unknown", text)
            return replace(observation, remarks=(*observation.remarks, remark)), []

    def facts(self) -> dict[str, str]:
        """For diagnostics; nothing where no view is kept."""
        return {"views_kept": str(count)} if (count := len(self._store)) else {}

    def _pose(self, observation: Observation, settings: ReconstructionSettings) -> np.ndarray:
        frame = settings.fuse_frame or settings.target_frame
        if self._transforms is None or not frame:
            raise InputError(_NO_FRAME)
        if frame == observation.frame_id:
            raise InputError(f"{frame} is the camera's own frame; {_NO_FRAME}")
        return self._transforms.lookup(frame, observation.frame_id, observation.stamp)

    def _on_add(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self._node.is_active:
            response.success, response.message = False, "the node is not active; configure and activate it first"
            return response
        timeout = self._node.settings.trigger_timeout
        late = f"no frame came within {timeout} s; check that image and camera_info are published"
        response.success, response.message = self._requests.ask(timeout) or (False, self._node.waiting() or late)
        return response

    def _on_clear(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        count = self._store.clear()
        response.success, response.message = True, f"{count} added view(s) forgotten"
        return response
