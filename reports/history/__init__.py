"""Reads a run directory: records, messages, deliveries, connections and events."""
