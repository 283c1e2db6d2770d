"""The commands that work on one run directory."""
