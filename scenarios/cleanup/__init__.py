"""Removes from a running system what a run has created there (`gauntlet clean`)."""
