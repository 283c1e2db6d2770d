"""Starts the server's processes, keeps them alive, and lets others act on them."""
