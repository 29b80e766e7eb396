"""ROS 2 adapters: messages to values and back, bags, stamps, TF, settings, diagnostics."""
