"""`gauntlet list`: scenarios of the library, and what may fail."""
