#!/usr/bin/env bash
# A publisher and a subscription of one topic whose message types differ: rclpy says nothing.
#
# Versions: ros-rclpy 7.1.6 (Jazzy), ros-rmw-fastrtps-cpp 8.4.3, ros-sensor-msgs 5.3.6, as wheels.
# Expected: rclpy has the event `incompatible_type` ("a topic type doesn't match"), accepts a callback for it with this
#   middleware (no UnsupportedEventTypeError), and by default logs a warning from it, as it does for incompatible QoS. So a
#   segmenter that publishes CompressedImage on the topic `mask`, where a node reads Image, should raise it on one side.
# Seen: neither side's event fires, nothing is logged, no message passes, and the subscriber's node still counts the other
#   as a publisher of its topic (count_publishers is 1), while the publisher counts no subscription.
# Why it matters: a robot's node that trusts the event waits for ever without a word, and one that trusts count_publishers
#   believes that its input is there. Only the types of get_publishers_info_by_topic tell.
# Open upstream: ros2/ros2#1393, eProsima/Fast-DDS#3167. CycloneDDS is the same (ros2/ros2#1394).
# Exits 1 where the behaviour is no longer seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --quiet "ros-rclpy[fastrtps]==7.1.6" ros-sensor-msgs==5.3.6 ros-rmw-fastrtps-cpp==8.4.3
cat > "$folder/trial.py" <<'EOF'
import sys
import time

import rclpy
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CompressedImage, Image


def trial(kind, domain):
    """What the two sides noticed in 4 s of one sending to the other."""
    sides, events, got = [rclpy.Context(), rclpy.Context()], [], []
    for side in sides:
        rclpy.init(context=side, domain_id=domain)
    robot, segmenter = (rclpy.create_node(n, context=c) for n, c in zip(("robot", "segmenter"), sides))
    heard = SubscriptionEventCallbacks(incompatible_type=lambda event: events.append("subscription"))
    told = PublisherEventCallbacks(incompatible_type=lambda event: events.append("publisher"))
    robot.create_subscription(Image, "mask", got.append, 10, event_callbacks=heard)
    publisher = segmenter.create_publisher(kind, "mask", 10, event_callbacks=told)
    executors = [SingleThreadedExecutor(context=side) for side in sides]
    for executor, node in zip(executors, (robot, segmenter)):
        executor.add_node(node)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        publisher.publish(kind())
        for executor in executors:
            executor.spin_once(timeout_sec=0.05)
    found = {
        "messages": len(got),
        "events": events,
        "count_publishers": robot.count_publishers("mask"),
        "subscriptions of the publisher": publisher.get_subscription_count(),
        "types": [info.topic_type for info in robot.get_publishers_info_by_topic("mask")],
    }
    print(kind.__name__, found, flush=True)
    return found


same, other = trial(Image, 91), trial(CompressedImage, 92)
assert same["messages"] > 10 and not same["events"], "the graph does not work at all"
silent = not other["messages"] and not other["events"] and other["count_publishers"] == 1
print("no event, and the publisher is counted" if silent else "no longer so")
sys.exit(0 if silent else 1)
EOF
"$folder/venv/bin/python" "$folder/trial.py"
