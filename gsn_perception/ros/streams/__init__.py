"""Messages of several topics joined to frames."""
