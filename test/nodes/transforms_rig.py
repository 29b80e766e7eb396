"""Transforms as robots publish them."""

from geometry_msgs.msg import TransformStamped

from gsn_perception.ros.messages.headers import ns_to_stamp


def moved(stamp: int, x: float, child: str, parent: str) -> TransformStamped:
    """``child`` at x in ``parent``."""
    out = TransformStamped(child_frame_id=child)
    out.header.frame_id = parent
    out.header.stamp = ns_to_stamp(stamp)
    out.transform.translation.x = float(x)
    out.transform.rotation.w = 1.0
    return out
