"""`gsn demo`: a scene through both nodes and back."""
