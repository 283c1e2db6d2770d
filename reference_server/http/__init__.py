"""The HTTP server and the client for calls between services."""
