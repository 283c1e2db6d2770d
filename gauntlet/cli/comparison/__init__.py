"""`gauntlet compare`: what differs between runs."""
