"""`gauntlet gate`: runs scenarios, and decides whether a change may proceed."""
