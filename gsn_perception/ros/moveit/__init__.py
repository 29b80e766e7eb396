"""MoveIt: collision objects, the planning scene, grasps. Needs moveit_msgs."""
