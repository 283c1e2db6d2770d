"""The WebSocket tier: connections, fan-out, repair, leases and drain."""
