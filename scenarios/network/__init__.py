"""Sockets: WebSocket and HTTP clients, TLS-free transports and source addresses."""
