"""A system that already runs: its links for faults, the limits of its load, its commands."""
