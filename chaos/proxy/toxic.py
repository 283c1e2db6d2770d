"""One toxic of a proxy, and its JSON."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from gauntlet.chaos.proxy import errors
from gauntlet.chaos.proxy.toxics import TOXICS

T = TypeVar("T")
Stream = Literal["upstream", "downstream"]
STREAMS: tuple[Stream, ...] = ("upstream", "downstream")


class Body(msgspec.Struct, frozen=True):
    """A request to add a toxic."""

    type: str = ""
    name: str = ""
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: dict[str, Any] = {}


class Change(msgspec.Struct, frozen=True):
    """A request to change a toxic; nothing else of it can change."""

    toxicity: float | None = None
    attributes: dict[str, Any] = {}


class Toxic(msgspec.Struct, frozen=True):
    """A toxic as it is set; `serial` numbers a proxy's toxics in the order of their adding."""

    serial: int
    name: str
    type: str
    spelling: str  # of the stream, as the user wrote it
    stream: Stream
    toxicity: float
    attributes: msgspec.Struct

    @classmethod
    def create(cls, serial: int, body: object) -> "Toxic":
        """A toxic from a request; ApiError if the request is none."""
        wish = convert(body, Body)
        stream: Stream | None = next((s for s in STREAMS if s == wish.stream.lower()), None)
        if stream is None:
            raise errors.invalid_stream()
        if wish.type not in TOXICS:
            raise errors.invalid_toxic_type()
        return cls(
            serial=serial,
            name=wish.name or f"{wish.type}_{wish.stream}",
            type=wish.type,
            spelling=wish.stream,
            stream=stream,
            toxicity=wish.toxicity,
            attributes=convert(wish.attributes, TOXICS[wish.type].schema),
        )

    def updated(self, body: object) -> "Toxic":
        """The same toxic with another toxicity or other attributes; what is not given stays."""
        change = convert(body, Change)
        attributes = {**msgspec.to_builtins(self.attributes), **_given(change.attributes)}
        return msgspec.structs.replace(
            self,
            toxicity=self.toxicity if change.toxicity is None else change.toxicity,
            attributes=convert(attributes, type(self.attributes)),
        )

    def as_json(self) -> dict[str, object]:
        """As the API shows it."""
        return {
            "attributes": msgspec.to_builtins(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.spelling,
            "toxicity": self.toxicity,
        }


def convert(body: object, shape: type[T]) -> T:
    """A typed value from JSON; null counts as not given. ApiError if it does not fit."""
    try:
        return msgspec.convert(_given(body) if isinstance(body, dict) else body, shape)
    except msgspec.ValidationError as error:
        raise errors.bad_body(error) from error


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not None}
