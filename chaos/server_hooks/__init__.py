"""Code loaded inside the reference server on request: seeded bugs and server-side faults."""
