"""Judging and showing: reads a run directory, never touches a socket, says the same tomorrow."""
