"""The HTTP services behind the gateway; each can run in a process of its own."""
