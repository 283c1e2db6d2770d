"""Reads a history in JSON Lines: from a file, from gzip or from standard input, line by line."""

import codecs
import contextlib
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.printable import printable
from gauntlet.reports.interchange.lines import KEYS, AnyLine

LINE_BYTES_MAX = 16 << 20
BAD_LINES_MAX = 10
_GZIP_MAGIC = b"\x1f\x8b"
_PATH = re.compile(r" - at `\$([^`]*)`$")
# The escape of one half of a surrogate pair, without that of the other half beside it.
_HALF_PAIR = re.compile(rb"(?i)\\u(?:d[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..\\u)d[c-f]..)")
_decoder = msgspec.json.Decoder(AnyLine)
# Those by which a line without `kind` is known to be meant as a header.
_KEYS_OF_HEADER = {*KEYS["header"]}.difference(
    *(keys for kind, keys in KEYS.items() if kind != "header")
)


class BadLines:
    """Collects what is wrong with lines, and gives up after BAD_LINES_MAX of them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sentences: list[str] = []

    def add(self, number: int, sentence: str) -> None:
        """Note what is wrong with a line; ConfigError if that are too many."""
        self._sentences.append(f"{self._name}:{number}: {printable(sentence)}")
        if len(self._sentences) >= BAD_LINES_MAX:
            self._sentences.append(f"reading stopped after {BAD_LINES_MAX} bad lines")
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise ConfigError with all sentences, if there are any."""
        if self._sentences:
            raise ConfigError("\n".join(self._sentences))


def name_of(source: str) -> str:
    """Return how errors name a source."""
    return "standard input" if source == "-" else source


def read_lines(source: str, bad: BadLines) -> Iterator[tuple[int, AnyLine]]:
    """Yield the number and the content of each line; empty lines are skipped.

    `source` is a path or `-`; gzip is recognised by its content. Raises ConfigError if the source
    cannot be read.
    """
    name = name_of(source)
    number = 0
    try:
        with _opened(source) as stream:
            while raw := stream.readline(LINE_BYTES_MAX + 1):
                number += 1
                if number == 1:
                    raw = _without_mark(raw, name)
                if len(raw) > LINE_BYTES_MAX:
                    bad.add(number, f"a line must have at most {LINE_BYTES_MAX >> 20} MiB")
                    bad.raise_if_any()  # its end may be arbitrarily far away
                if not raw.strip():
                    continue
                try:
                    yield number, _decoder.decode(raw)
                except msgspec.ValidationError as error:
                    bad.add(number, _describe(str(error), raw))
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    bad.add(number, _describe_malformed(str(error), raw))
                except RecursionError:
                    bad.add(number, f"a line must not be nested that deeply; got {_shown(raw)}")
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{name} cannot be read after line {number}: {error}") from error


def _without_mark(raw: bytes, name: str) -> bytes:
    """Return the first line without the mark of UTF-8 that some editors write before it."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError(f"{name} must be text in UTF-8; got UTF-16")
    return raw.removeprefix(codecs.BOM_UTF8)


@contextlib.contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    with contextlib.ExitStack() as stack:
        if source == "-":
            if sys.stdin is None:  # the shell has closed it: `<&-`
                raise ConfigError("--from - needs standard input; got none")
            raw: io.BufferedReader = sys.stdin.buffer  # type: ignore[assignment] # it can peek
        else:
            if Path(source).is_dir():
                raise ConfigError(f"--from must be a file of JSON lines; got the folder {source}")
            raw = stack.enter_context(Path(source).open("rb"))
        if raw.peek(2)[:2] == _GZIP_MAGIC:
            yield stack.enter_context(gzip.GzipFile(fileobj=raw))  # type: ignore[arg-type] # binary
        else:
            yield raw


def _describe_malformed(error: str, raw: bytes) -> str:
    """Return a sentence on a line that is no JSON object."""
    if half := _HALF_PAIR.search(raw):
        # JavaScript writes a text that was cut within an emoji like this.
        return f"a line must not have half of a surrogate pair; got {half[0].decode()}"
    return f"a line must be a JSON object: {error}; got {_shown(raw)}"


def _describe(error: str, raw: bytes) -> str:
    """Return a sentence on what is wrong, with the key and what was given."""
    line = _generic(raw)
    kind = line.get("kind")
    if "missing required field `kind`" in error and line.keys() & _KEYS_OF_HEADER:
        return 'kind is missing; a header must have "kind": "header"'
    is_known = isinstance(kind, str) and kind in KEYS
    if "missing required field `kind`" in error or (not is_known and "kind" in error):
        given = "no such key" if kind is None else repr(kind)[:80]
        return f"kind must be one of {', '.join(KEYS)}; got {given}"
    if found := re.search(r"missing required field `(\w+)`", error):
        return f"a line of the kind {kind} must have the key {found[1]}; got {_shown(raw)}"
    path = _PATH.search(error)
    if found := re.search(r"contains unknown field `([^`]*)`", error):
        if path is not None:
            return f"{path[1].lstrip('.')} must have no key {found[1][:80]}"
        keys = ", ".join(key for key in KEYS.get(str(kind), ()) if key != "note")
        return f"a line of the kind {kind} must have no key {found[1][:80]}; it can have {keys}"
    if path is None:
        return f"a line must be a JSON object; got {_shown(raw)}"
    what = _PATH.sub("", error).replace("`", "")
    what = what[0].lower() + what[1:]
    key = path[1].lstrip(".")
    if "out of range" in what:
        return f"{key} must be a number of at most 64 bits; got {_shown(raw)}"
    return f"{key} is wrong: {what}; got {_value_at(_generic(raw), path[1])!r:.80}"


def _generic(raw: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _value_at(value: Any, path: str) -> Any:
    for key in re.findall(r"\.(\w+)", path):
        value = value.get(key) if isinstance(value, dict) else value
    return value


def _shown(raw: bytes) -> str:
    text = raw[:80].decode("utf-8", "replace").strip()
    return text + "…" if len(raw) > len(text.encode()) + 1 and len(raw) > 80 else text
