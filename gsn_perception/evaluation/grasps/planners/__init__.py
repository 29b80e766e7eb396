"""The grasp planners that trials compare."""
