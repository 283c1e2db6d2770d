"""Fault injection: the timeline, the faults, the fault proxy, and hooks inside the server."""
