"""Measures how often a gate is wrong on this machine: `python -m benchmarks.gate`."""
