"""Compares runs: what differs, by how much, and whether the runs are comparable at all."""
