"""`gauntlet extract`: the messages of a run as a trace."""
