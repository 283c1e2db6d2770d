"""The fake peer of the load tests."""

from ..scenarios.conftest import distant_peer

__all__ = ["distant_peer"]
