"""Figures computed from a history: latency, recovery, indicators, and the harness's own health."""
