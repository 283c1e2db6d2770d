"""`gauntlet proxy`: the fault proxy alone."""
