"""What a campaign of capacity writes: the terminal, JSON, CSV, and the schema of the JSON."""
