"""Obstacle points: the newest cloud on ``scene``, transformed into the frame of the objects."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from gsn_perception.geometry import InputError
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.ros.messages import clouds
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.parameters.grasp import GraspSettings
from gsn_perception.ros.transforms.sources import FixedTransforms
from gsn_perception.ros.transforms.sources import TfTransforms
from gsn_perception.ros.transforms.sources import TransformSource


class SceneCloud:
    """Keeps the newest cloud and transforms it at its own stamp into the frame of the objects.

    The frame of the objects is unknown before the first objects. So TF is subscribed to from the first cloud on, and
    unsubscribed once both frames are the same.

    Args:
        subscribe: Creates the source of transforms, e.g. subscribes to TF.
    """

    def __init__(self, subscribe: Callable[[], TransformSource]) -> None:
        self._subscribe = subscribe
        self._lock = threading.Lock()  # clouds and plans come from two threads
        self._cloud: PointCloud2 | None = None
        self._transforms: TransformSource | None = None
        self._fault = ""  # why there is no source of transforms
        self._is_needed = True

    @property
    def header(self) -> Header | None:
        """Header of the newest cloud, None before the first."""
        cloud = self._cloud
        return None if cloud is None else cloud.header

    def take(self, cloud: PointCloud2) -> None:
        """Replace the cloud."""
        self._cloud = cloud
        self._ensure_transforms()

    def positions(self, header: Header, max_age: float) -> np.ndarray | None:
        """Positions [N,3] float32 in metres in the frame of ``header``; None before the first cloud.

        Args:
            header: Header of the objects.
            max_age: Largest age of the cloud relative to the objects, seconds.

        Raises:
            InputError: the cloud can't be used; the scene then counts as unknown, not as free.
        """
        cloud = self._cloud
        if cloud is None:
            return None
        age = (stamp_to_ns(header.stamp) - stamp_to_ns(cloud.header.stamp)) / 1e9
        if age > max_age:
            raise InputError(f"the scene is {age:.2f} s older than the objects (scene_max_age {max_age} s)")
        self._is_needed = cloud.header.frame_id != header.frame_id
        if not self._is_needed:
            self.close()
            return clouds.xyz_of(cloud)
        matrix = self._matrix(header.frame_id, cloud.header)
        return transform_points(matrix, clouds.xyz_of(cloud))

    def close(self) -> None:
        """Unsubscribe from transforms."""
        with self._lock:
            transforms, self._transforms = self._transforms, None
        if transforms is not None:
            transforms.close()

    def _ensure_transforms(self) -> None:
        with self._lock:
            if self._is_needed and self._transforms is None and not self._fault:
                try:
                    self._transforms = self._subscribe()
                except InputError as error:
                    self._fault = str(error)

    def _matrix(self, target: str, source: Header) -> np.ndarray:
        self._ensure_transforms()
        transforms, fault = self._transforms, self._fault
        try:
            if transforms is None:
                raise InputError(fault)
            return transforms.lookup(target, source.frame_id, stamp_to_ns(source.stamp))
        except InputError as error:
            raise InputError(
                f"the scene is in frame {source.frame_id!r}, the objects are in {target!r}, and {error}; "
                "publish the transform, give scene_to_target or set use_scene to false"
            ) from error


def scene_of(settings: GraspSettings, node: Node, on_error: Callable[[Exception], object]) -> SceneCloud:
    """The scene cloud of a node, with transforms from the parameter ``scene_to_target`` or from TF.

    Args:
        settings: The node's parameters.
        node: Owns the subscriptions to TF.
        on_error: Called with the exception of a damaged TF message.
    """

    def subscribe() -> TransformSource:
        if any(settings.scene_to_target):
            return FixedTransforms(settings.scene_to_target, "scene_to_target")
        return TfTransforms(node, settings.tf_timeout, on_error)

    return SceneCloud(subscribe)
