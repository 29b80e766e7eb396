"""ROS parameters declared from frozen dataclasses, and the parameters of the two nodes."""
