"""Exports the live figures of a run to Prometheus and OpenTelemetry while it lasts."""
