"""`gauntlet clean`: the command and its table."""
