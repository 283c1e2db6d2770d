"""One toxic of a proxy, and its JSON form."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from gauntlet.chaos.proxy import errors
from gauntlet.chaos.proxy.toxics import TOXICS

T = TypeVar("T")
Stream = Literal["upstream", "downstream"]
STREAMS: tuple[Stream, ...] = ("upstream", "downstream")

# Of a proxy or a toxic. A longer name could be created, but no later request could contain it: the
# server reads request lines of up to 1 MiB, and a character has up to 12 bytes in a URL.
NAME_CHARACTERS_MAX = 16_384


class ToxicBody(msgspec.Struct, frozen=True):
    """A request to add a toxic."""

    type: str = ""
    name: str = ""
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: dict[str, Any] = {}


class ToxicUpdate(msgspec.Struct, frozen=True):
    """A request to change a toxic; its other fields cannot change."""

    toxicity: float | None = None
    attributes: dict[str, Any] = {}


class Toxic(msgspec.Struct, frozen=True):
    """A toxic; `serial` numbers the toxics of a proxy in the order in which they were added."""

    serial: int
    name: str
    type: str
    stream_as_given: str  # in the case in which the client wrote it
    stream: Stream
    toxicity: float
    attributes: msgspec.Struct

    @classmethod
    def create(cls, serial: int, body: object) -> "Toxic":
        """Create a toxic from a request body; raises ApiError (400) if the body is invalid."""
        request = convert(body, ToxicBody)
        stream: Stream | None = next((s for s in STREAMS if s == request.stream.lower()), None)
        if stream is None:
            raise errors.invalid_stream()
        if request.type not in TOXICS:
            raise errors.invalid_toxic_type()
        check_name(request.name)
        return cls(
            serial=serial,
            name=request.name or f"{request.type}_{request.stream}",
            type=request.type,
            stream_as_given=request.stream,
            stream=stream,
            toxicity=request.toxicity,
            attributes=convert(request.attributes, TOXICS[request.type].schema),
        )

    def updated(self, body: object) -> "Toxic":
        """Return the toxic with another toxicity or other attributes; other values are kept."""
        update = convert(body, ToxicUpdate)
        attributes = {**msgspec.to_builtins(self.attributes), **_fields(update.attributes)}
        return msgspec.structs.replace(
            self,
            toxicity=self.toxicity if update.toxicity is None else update.toxicity,
            attributes=convert(attributes, type(self.attributes)),
        )

    def as_json(self) -> dict[str, object]:
        """Return the toxic in the form of the API."""
        return {
            "attributes": msgspec.to_builtins(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.stream_as_given,
            "toxicity": self.toxicity,
        }


def convert(body: object, shape: type[T]) -> T:
    """Convert decoded JSON to `shape`. Raises ApiError (400).

    As in Toxiproxy, null counts as absent, and the case of a key does not matter.
    """
    try:
        return msgspec.convert(_fields(body) if isinstance(body, dict) else body, shape)
    except msgspec.ValidationError as error:
        raise errors.bad_body(error) from error


def check_name(name: str) -> None:
    """Raise ApiError (400) if a name is too long for the URLs of later requests."""
    if len(name) > NAME_CHARACTERS_MAX:
        raise errors.name_too_long(NAME_CHARACTERS_MAX)


def _fields(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in body.items() if value is not None}
