"""ROS 2 adapters: message conversion, subscriptions, TF, parameters, diagnostics, recordings (bags), MoveIt."""
