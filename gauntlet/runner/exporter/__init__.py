"""Exports the live figures of a run to Prometheus while it lasts."""
