"""The commands that run a scenario, and what they show."""
