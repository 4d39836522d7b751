"""Languages: profiles scored exactly, fused with a second detector, and scripts."""

UNDETERMINED = "und"
"""ISO 639-2 code of text whose language cannot be told."""
