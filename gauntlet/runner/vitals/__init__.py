"""What each component of a booted stack uses, for the rows of `events/vitals.jsonl`."""
