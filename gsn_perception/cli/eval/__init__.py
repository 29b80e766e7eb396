"""`gsn eval`: measure quality."""
