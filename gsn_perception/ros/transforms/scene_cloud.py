"""The newest cloud on `scene`, in the frame that the objects are in."""

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
    """Keeps the newest cloud; where its frame is not the objects', it is transformed at its own stamp.

    The frame of the objects is known with the first of them, so transforms are listened to from the first cloud on, and
    no more once the frames turn out to be the same.

    Args:
        listen: Begins to listen to transforms.
    """

    def __init__(self, listen: Callable[[], TransformSource]) -> None:
        self._listen = listen
        self._lock = threading.Lock()  # of what follows: clouds and plans come from two threads
        self._cloud: PointCloud2 | None = None
        self._transforms: TransformSource | None = None
        self._fault = ""  # why there are no transforms
        self._is_needed = True

    @property
    def header(self) -> Header | None:
        """Of the newest cloud."""
        cloud = self._cloud
        return None if cloud is None else cloud.header

    def take(self, cloud: PointCloud2) -> None:
        """Replace the cloud."""
        self._cloud = cloud
        self._begin()

    def positions(self, header: Header, max_age: float) -> np.ndarray | None:
        """Positions [N,3] float32 in metres in the frame of ``header``; None where no cloud came.

        Args:
            header: Of the objects.
            max_age: Seconds that the cloud may be older than they.

        Raises:
            InputError: the cloud can't be used; it must not be taken for a clear scene then.
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
        """Stop listening to transforms."""
        with self._lock:
            transforms, self._transforms = self._transforms, None
        if transforms is not None:
            transforms.close()

    def _begin(self) -> None:
        with self._lock:
            if self._is_needed and self._transforms is None and not self._fault:
                try:
                    self._transforms = self._listen()
                except InputError as error:
                    self._fault = str(error)

    def _matrix(self, target: str, source: Header) -> np.ndarray:
        self._begin()
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
    """The scene of a node, its transforms from the parameter ``scene_to_target`` or from TF.

    Args:
        settings: The node's parameters.
        node: Subscribes to TF.
        on_error: Called with what a message of TF raised.
    """

    def listen() -> TransformSource:
        if any(settings.scene_to_target):
            return FixedTransforms(settings.scene_to_target, "scene_to_target")
        return TfTransforms(node, settings.tf_timeout, on_error)

    return SceneCloud(listen)
