"""What a plan writes: the terminal, a page, CSV and JSON."""
