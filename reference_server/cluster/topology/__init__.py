"""Which components a cluster has, and their settings, ports and links."""
