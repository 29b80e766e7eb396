"""Features and score of grasps: the probability that a grasp holds."""
