"""Metrics that the system under test exports: what it used, where Gauntlet did not boot it."""
