"""Node processes: start, watch and end them, collect their outputs; the DDS profile; checks of the launch files."""
