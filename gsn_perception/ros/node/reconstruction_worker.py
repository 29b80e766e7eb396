"""Worker of the reconstruction node: decodes a frame, looks up its transform and reconstructs."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol

import numpy as np
from rclpy.node import Node

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.process import collector_paused
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.results.frame_result import FrameResult
from gsn_perception.ros.results.frame_result import SplatResult
from gsn_perception.ros.streams.frame_assembly import Frame
from gsn_perception.ros.streams.frame_decoding import FrameDecoder
from gsn_perception.ros.transforms.sources import FixedTransforms
from gsn_perception.ros.transforms.sources import TfTransforms
from gsn_perception.ros.transforms.sources import TransformSource

if TYPE_CHECKING:
    from gsn_perception.geometry import Gaussians
    from gsn_perception.pipeline.fusion.posed_view import PosedView


class Pipeline(Protocol):
    """The interface of a Reconstructor that the node uses."""

    def __call__(
        self,
        observation: Observation,
        *,
        on_splats: Callable[[Mapping[int, Gaussians]], None],
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Reconstruction | Refusal]:
        """Reconstruct one frame.

        Args:
            observation: The frame.
            on_splats: Called with label to splat, before the meshes.
            wanted: Asked before each mesh; False ends the work.
        """
        ...

    def fuse(
        self,
        views: Sequence[PosedView],
        *,
        on_splats: Callable[[Mapping[int, Gaussians]], None],
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Reconstruction | Refusal]:
        """Reconstruct the last view with the help of the others."""
        ...

    def with_settings(self, settings: Any) -> Pipeline:
        """The same weights with other settings."""
        ...

    def describe(self) -> dict[str, str]:
        """Device and weights."""
        ...


LoadPipeline = Callable[[ReconstructionSettings], Pipeline]


def load_pipeline(settings: ReconstructionSettings) -> Pipeline:
    """The Reconstructor with the weights, device and settings of the parameters.

    Raises:
        InputError: no such weights, damaged ones, or no such device.
    """
    with collector_paused():
        from gsn_perception.pipeline import Reconstructor

        made = Reconstructor.from_pretrained(settings.checkpoint or None, settings.device, settings.pipeline())
        quick = replace(made.settings, use_mask=True, mesh_resolution=16)  # the warm-up frame has only a mask
        _warm_up(made.with_settings(quick))
    return made


def transform_source(
    settings: ReconstructionSettings, node: Node, on_error: Callable[[Exception], object] = lambda error: None
) -> TransformSource | None:
    """The source of the transform to ``target_frame``: a fixed pose, TF, or None (results stay in the camera frame).

    ``on_error`` is called with the exception of a damaged TF message.

    Raises:
        InputError: TF is needed and tf2_ros is missing.
    """
    if settings.has_camera_pose:
        return FixedTransforms(settings.camera_to_target)
    return TfTransforms(node, settings.tf_timeout, on_error) if settings.target_frame else None


@dataclass(frozen=True, slots=True, eq=False)
class FrameJob:
    """A frame for the worker.

    Attributes:
        frame: Not decoded yet.
        seen: When it was complete, monotonic seconds.
        sync: Seconds spent on joining its messages.
    """

    frame: Frame
    seen: float
    sync: float


@dataclass(frozen=True, slots=True, eq=False)
class FrameProcessor:
    """Settings, weights and transforms that belong together; replaced as a whole, so a running frame keeps its own.

    Attributes:
        settings: The node's parameters.
        pipeline: The weights with these settings.
        transforms: Transform source, or None for the camera's frame.
        decode: Message decoder.
    """

    settings: ReconstructionSettings
    pipeline: Pipeline
    transforms: TransformSource | None
    decode: FrameDecoder

    def with_settings(self, settings: ReconstructionSettings) -> FrameProcessor:
        """The same weights and transforms with other settings."""
        return replace(self, settings=settings, pipeline=self.pipeline.with_settings(settings.pipeline()))

    def observe(self, frame: Frame) -> tuple[Observation, np.ndarray | None]:
        """The decoded frame and ``T_target_camera`` (None for the camera's frame).

        Raises:
            InputError: a message can't be used or the transform is unknown; the frame is dropped.
        """
        observation = self.decode(frame, self.settings)
        if self.transforms is None:
            return observation, None
        T_target_camera = self.transforms.lookup(self.settings.target_frame, frame.frame_id, frame.stamp)
        if self.settings.is_level(frame.frame_id):
            observation = replace(observation, gravity=-T_target_camera[2, :3])  # the target's z axis, camera frame
        return observation, T_target_camera

    def locate(self, frame_id: str, stamp: int) -> np.ndarray | None:
        """Pose [4,4] of another frame, e.g. of a link, in the frame of the results; None where TF does not know it."""
        if not isinstance(self.transforms, TfTransforms):
            return None
        try:
            return self.transforms.lookup(self.settings.target_frame, frame_id, stamp)
        except InputError:
            return None

    def reconstruct(
        self,
        observation: Observation,
        T_target_camera: np.ndarray | None,
        on_splats: Callable[[SplatResult], None] = lambda splats: None,
        wanted: Callable[[], bool] = lambda: True,
        views: Sequence[PosedView] = (),
    ) -> FrameResult:
        """The frame's result; an exception becomes its ``failure``, with no objects.

        ``on_splats`` is called exactly once, with an empty result where there are no Gaussians. ``wanted`` says whether
        the meshes are still needed. ``views``: views of a static scene to fuse, this frame last; empty: the frame alone.
        """
        outcomes: list[Reconstruction | Refusal] = []
        failure, published = "", False

        def publish(found: Mapping[int, Gaussians]) -> None:
            nonlocal published
            published = True
            on_splats(SplatResult.of(observation, found, T_target_camera, self.settings.target_frame))

        try:
            if views:
                outcomes = self.pipeline.fuse(views, on_splats=publish, wanted=wanted)
            else:
                outcomes = self.pipeline(observation, on_splats=publish, wanted=wanted)
        except InputError as error:
            failure = str(error)
        except Exception as error:  # no frame may end the node
            failure = f"{type(error).__name__}: {error}"
        if not published:
            publish({})
        target = self.settings.target_frame
        return FrameResult.of(
            observation, outcomes, T_target_camera=T_target_camera, target_frame=target, failure=failure
        )


def _warm_up(pipeline: Pipeline) -> None:
    """Reconstruct one synthetic frame, so that compilation and allocation do not delay the first real one."""
    camera = Camera.from_fov(1.0, 128, 96)
    image = np.full((96, 128, 3), 128, np.uint8)
    mask = np.zeros((96, 128), np.uint8)
    mask[28:68, 44:84] = 1
    pipeline(Observation(image, camera, mask=mask, size_hint=0.1), on_splats=lambda splats: None)
