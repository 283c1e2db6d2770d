"""Random faults on one timeline, and the fewest of them that still make a run fail."""
