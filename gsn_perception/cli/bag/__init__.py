"""`gsn bag`: recordings made, inspected, played and evaluated."""
