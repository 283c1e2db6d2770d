"""Histories of other systems: reads them from JSON lines, and writes runs as lines and columns."""
