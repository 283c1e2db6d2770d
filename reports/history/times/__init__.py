"""The times of a history: on one clock, and possible."""
