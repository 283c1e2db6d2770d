"""Figures computed from a history: latency, recovery, indicators, and harness health."""
