"""What master and workers agree on: identity, clocks and file transfer."""
