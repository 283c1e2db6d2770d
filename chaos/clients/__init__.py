"""Clients of what faults act on: the cluster, Toxiproxy, links and socket tables."""
