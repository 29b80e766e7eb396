"""For all tests: a ROS domain of this run's own, on this machine only; figures without a screen."""

import os

# Before anything imports rclpy. 1..100 stays below the ports that Linux hands out to others.
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("MPLBACKEND", "Agg")
