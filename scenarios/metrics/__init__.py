"""Figures of the load: latencies, delivery counts, and the health of the generator itself."""
