"""Writes rosbag2 recordings (MCAP or SQLite): camera streams, /clock, /tf and /tf_static."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Literal

import numpy as np
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.ros import interface
from gsn_perception.ros import optional
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.camera.camera_info import from_camera
from gsn_perception.ros.messages.headers import NANOSECONDS
from gsn_perception.ros.messages.headers import make_header
from gsn_perception.ros.messages.headers import ns_to_stamp

Storage = Literal["mcap", "sqlite3"]
WORLD, LINK = "table", "camera_link"
_OPTICAL = (0.5, -0.5, 0.5, -0.5)  # camera_link (x forward, z up) from its optical frame, xyzw (REP-103)
_TF = "tf2_msgs/msg/TFMessage"


def record(
    path: str | Path,
    observations: Iterable[Observation],
    *,
    namespace: str = "",
    storage: Storage = "mcap",
    clock: bool = False,
    poses: bool = False,
) -> int:
    """Write each observation as ``camera_info``, ``depth``, ``mask`` and ``image`` with one stamp, in that order.

    Args:
        path: A new folder.
        observations: Observations with rising stamps; frame ids are kept.
        namespace: Namespace of the topics.
        storage: MCAP or SQLite file.
        clock: Write /clock before every observation.
        poses: Write the camera poses: /tf from ``table`` to ``camera_link``, /tf_static from there to the optical
            frame.

    Returns:
        Number of observations written.

    Raises:
        InputError: rosbags is missing, or the folder exists or can't be written; no incomplete bag is left.
    """
    rosbag2 = optional.require("rosbags.rosbag2")
    path = Path(path)
    if path.exists():
        raise InputError(f"{path} exists already; choose another name for the bag")
    plugin = rosbag2.StoragePlugin.MCAP if storage == "mcap" else rosbag2.StoragePlugin.SQLITE3
    try:
        with rosbag2.Writer(path, version=9, storage_plugin=plugin) as writer:
            return _Recorder(writer, namespace, clock=clock, poses=poses).write(observations)
    except OSError as error:
        shutil.rmtree(path, ignore_errors=True)
        raise InputError(f"the bag {path} can't be written: {error.strerror}; choose another folder") from error
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def absolute(namespace: str, name: str) -> str:
    """``/namespace/name``."""
    return "/" + "/".join(part for part in (namespace.strip("/"), name) if part)


class _Recorder:
    """Writes messages; a connection is created with the first message of its topic."""

    def __init__(self, writer: Any, namespace: str, *, clock: bool, poses: bool) -> None:
        typesys = optional.require("rosbags.typesys")
        self._writer, self._namespace, self._clock, self._poses = writer, namespace, clock, poses
        self._typestore = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
        self._connections: dict[str, Any] = {}

    def write(self, observations: Iterable[Observation]) -> int:
        count = 0
        for item in observations:
            if self._clock:
                self._put("/clock", "rosgraph_msgs/msg/Clock", item.stamp, Clock(clock=ns_to_stamp(item.stamp)))
            if self._poses:
                self._put_poses(item, first=count == 0)
            self._put_frame(item)
            count += 1
        return count

    def _put_frame(self, item: Observation) -> None:
        header = make_header(item.stamp, item.frame_id)
        messages = [(interface.CAMERA_INFO, from_camera(item.camera, header))]
        if item.depth is not None:
            messages.append((interface.DEPTH, images.from_depth(item.depth, header)))
        if item.mask is not None:
            messages.append((interface.MASK, images.from_mask(item.mask, header)))
        messages.append((interface.IMAGE, images.from_rgb(item.image, header)))
        for topic, message in messages:
            self._put(absolute(self._namespace, topic.name), topic.type_name, item.stamp, message)

    def _put(self, topic: str, type_name: str, stamp: int, message: Any) -> None:
        self._write(topic, type_name, stamp, serialize_message(message))

    def _put_poses(self, item: Observation, *, first: bool) -> None:
        """Write the poses with the message types of rosbags: there is no wheel of tf2_msgs."""
        turn = Rotation.from_quat(_OPTICAL)
        if first:
            self._put_transform("/tf_static", item.stamp, LINK, item.frame_id, np.zeros(3), turn, latched=True)
        pose = item.camera.world_from_camera
        link = Rotation.from_matrix(pose[:3, :3]) * turn.inv()
        self._put_transform("/tf", item.stamp, WORLD, LINK, pose[:3, 3], link)

    def _put_transform(
        self,
        topic: str,
        stamp: int,
        parent: str,
        child: str,
        shift: np.ndarray,
        turn: Rotation,
        *,
        latched: bool = False,
    ) -> None:
        t = self._typestore.types
        x, y, z, w = (float(v) for v in turn.as_quat())
        transform = t["geometry_msgs/msg/Transform"](
            t["geometry_msgs/msg/Vector3"](*(float(v) for v in shift)), t["geometry_msgs/msg/Quaternion"](x, y, z, w)
        )
        when = t["builtin_interfaces/msg/Time"](*divmod(stamp, NANOSECONDS))
        header = t["std_msgs/msg/Header"](when, parent)
        message = t[_TF]([t["geometry_msgs/msg/TransformStamped"](header, child, transform)])
        self._write(topic, _TF, stamp, bytes(self._typestore.serialize_cdr(message, _TF)), latched=latched)

    def _write(self, topic: str, type_name: str, stamp: int, data: bytes, *, latched: bool = False) -> None:
        if topic not in self._connections:
            offered = _latched_profile() if latched else ()
            self._connections[topic] = self._writer.add_connection(
                topic, type_name, typestore=self._typestore, offered_qos_profiles=offered
            )
        self._writer.write(self._connections[topic], stamp, data)


def _latched_profile() -> Sequence[Any]:
    """QoS profile of /tf_static for ``ros2 bag play``."""
    kinds = optional.require("rosbags.interfaces")
    never = kinds.QosTime(9223372036, 854775807)
    return [
        kinds.Qos(
            history=kinds.QosHistory.KEEP_LAST,
            depth=1,
            reliability=kinds.QosReliability.RELIABLE,
            durability=kinds.QosDurability.TRANSIENT_LOCAL,
            deadline=never,
            lifespan=never,
            liveliness=kinds.QosLiveliness.AUTOMATIC,
            liveliness_lease_duration=never,
            avoid_ros_namespace_conventions=False,
        )
    ]
