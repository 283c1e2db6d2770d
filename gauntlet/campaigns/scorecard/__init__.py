"""The scorecard: what the judge detects, what it misses, and how often it is wrong."""
