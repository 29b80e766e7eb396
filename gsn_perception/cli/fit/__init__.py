"""`gsn fit`: numbers that go with weights, chosen on known objects."""
