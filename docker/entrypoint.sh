#!/bin/bash
# Any command with ROS and the package on its paths; exec, so that signals reach it.
set -e
source /opt/ros/jazzy/setup.bash
source /ws/install/setup.bash
exec "$@"
