"""What changes a scenario before it runs: settings, and objectives of another file."""
