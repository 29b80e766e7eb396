"""ROS 2 executables: thin shells around ``gsn_perception.ros``."""
