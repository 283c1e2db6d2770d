"""The engine thread inside a Locust process, and the statistics it reports to Locust."""
