"""The API gateway: routing, admission control and rate limits."""
