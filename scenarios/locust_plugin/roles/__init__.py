"""The roles of a Locust process in a run: local, master or worker."""
