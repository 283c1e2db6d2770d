"""Code that is loaded inside the reference server on request: seeded bugs, server-side faults."""
