"""Metrics that a system exports: what it used, where Gauntlet did not boot it."""
