"""MoveIt: collision objects, attached objects, the table, grasps. Needs moveit_msgs."""
