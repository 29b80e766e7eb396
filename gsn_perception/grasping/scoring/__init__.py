"""How likely a grasp holds."""
