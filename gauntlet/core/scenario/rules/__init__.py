"""Rules for parts of a scenario: what is impossible there, and what it means."""
