"""The reference IM server: small, correct, and independent of the harness that tests it."""
