"""The fake peer is the load tests' own."""

from ..scenarios.conftest import distant_peer  # noqa: TID252 - tests are no package

__all__ = ["distant_peer"]
