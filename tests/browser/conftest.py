"""The fake peer is the load tests' own."""

from ..scenarios.conftest import distant_peer

__all__ = ["distant_peer"]
