"""Clients of the systems that faults act on: cluster, fault proxy, links, socket table."""
