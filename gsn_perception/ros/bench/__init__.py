"""What a graph of these nodes costs, measured with real processes over DDS; `gsn bench` prints it."""
