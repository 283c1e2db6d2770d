"""The reference IM server: small, correct, and independent of the harness that tests it."""

from gauntlet.builds import SERVER

SERVER.current()  # before any module that may be compiled is imported
