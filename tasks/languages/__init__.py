"""Languages: profiles scored exactly, fused with a second detector, and scripts."""
