"""Plain text: its lines and looks, what they say, the names and dates in it."""
