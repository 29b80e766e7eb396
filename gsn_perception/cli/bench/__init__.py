"""`gsn bench`: measure speed."""
