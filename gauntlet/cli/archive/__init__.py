"""`gauntlet runs`: the runs of a folder."""
