"""Judges and presents runs: reads a run directory, opens no socket, and is repeatable."""
