"""The IM tab of the Locust web UI."""
