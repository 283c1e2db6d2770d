"""What a gate writes for people and for CI."""
