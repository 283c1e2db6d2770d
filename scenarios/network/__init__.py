"""Client sockets: WebSocket and HTTP clients, the transport of sessions, and source addresses."""
