"""ROS 2 executables: the lifecycle nodes ``reconstruction`` and ``grasp``, bringup of both, and the bag player."""
