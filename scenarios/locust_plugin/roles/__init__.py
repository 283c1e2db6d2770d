"""What a Locust runner does for a load: coordinate as master, or take part as worker."""
