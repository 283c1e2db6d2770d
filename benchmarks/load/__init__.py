"""`make bench-load`: what the load engine costs, and whether its numbers are true."""
