"""What an IM system deliberately does not promise, and what it can carry.

An adapter declares it, the manifest of each run records it, and the judge respects it: what a
system never promised is not counted as its loss, and the report says what was not judged for it.
"""

from typing import Any

import msgspec


class Retention(msgspec.Struct, frozen=True):
    """What the server keeps of a conversation: the last `count` entries, for `age_s` seconds.

    None means no limit. Whether a message outside of the limits was lost cannot be known.
    """

    count: int | None = None
    age_s: float | None = None


class Traits(msgspec.Struct, frozen=True):
    """The traits of a system; without any, everything that is acknowledged is owed.

    `at_most_once`: what a user missed while not connected is not owed to them. `max_body_bytes`
    and `alphabet` (the characters that a body may consist of) limit the bodies of the load. With
    `any_character`, these also contain control characters and others that XML cannot carry.
    `edits`, `deletes` and `expires`: messages may change or disappear on purpose. `stamp_unit_s`
    is the coarsest unit in which the system writes the time stamp of a message: with it, whatever
    shows a message has to show the same time. None says nothing about that.
    """

    at_most_once: bool = False
    retention: Retention | None = None
    max_body_bytes: int | None = None
    alphabet: str | None = None
    any_character: bool = False
    edits: bool = False
    deletes: bool = False
    expires: bool = False
    stamp_unit_s: float | None = None

    @property
    def may_disappear(self) -> bool:
        """Whether a message that is not stored any more may have been removed on purpose."""
        return self.deletes or self.expires


def to_builtins(traits: Traits) -> dict[str, Any]:
    """Return traits as plain data, for the manifest."""
    plain: dict[str, Any] = msgspec.to_builtins(traits)
    return plain


def from_manifest(manifest: dict[str, Any]) -> Traits:
    """Return the traits that a manifest records; older manifests record none."""
    return msgspec.convert(manifest.get("adapter", {}).get("traits", {}), Traits)
