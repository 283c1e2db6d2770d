"""Exports the live figures of a run to a collector of OpenTelemetry while it lasts."""
