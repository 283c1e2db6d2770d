"""How well capacity campaigns repeat, and how well unit costs predict loads that they never saw."""
