"""`make bench-proxy`: the embedded fault proxy beside `toxiproxy-server`."""
