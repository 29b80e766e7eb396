"""Values to ROS messages and back."""
