"""Damages valid inputs: bytes, texts, and values of JSON and YAML."""

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

_ENDLESS = "\ue000"  # stands for a number that JSON can write, and no float can hold
_WORDS = (
    *(b"\0", b"\xff", b"\xed\xa0\x80", b"\r\n", b"\n", b"%00", b"%ff", b"../", b"<!--", b"&x;"),
    *(b"-1", b"0", b"1e999", b"9" * 30, b"9" * 5000, b"NaN", b"null", b'"', b"{", b"[" * 2000),
    *(b"A" * 70_000, b"\xf0\x9f\x99\x82", b"\xe2\x80\xa8", b"content-length", b"<a>" * 300),
)
_TEXTS = (
    *("", "x", "\0", "\ud800", "a\r\nb", "é", "🙂", "../..", "x" * 5000, "<&>'\"", "%s", "\u2028"),
    *(
        "d.ann.bob",
        "r.lobby",
        "true",
        "1",
        "-1",
        "1e3",
        "5s",
        "2026-02-30",
        "nan",
        "=cmd",
        _ENDLESS,
    ),
)
_NUMBERS = (
    *(0, -1, 1, 2, 255, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**40, 0.1, -0.0),
    *(1e308, 5e-324, float("inf"), float("nan")),
)
_TOKEN = re.compile(rb"""\d+|'[^']*'|"[^"]*\"""")
_DEPTH = 150  # deeper than any reader allows, and not deeper than a writer can write


def damaged(rng: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Return bytes with one to four places damaged, some of them with parts of other inputs."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 2, 8, 60)))
        change = rng.randrange(8)
        if change == 0:
            data = data[:at] + rng.randbytes(end - at) + data[end:]
        elif change == 1:
            data = data[:at] + data[end:]
        elif change == 2:
            data = data[:at] + data[at:end] * rng.choice((2, 3, 50)) + data[end:]
        elif change == 3:
            data = data[:at]
        elif change == 4 and others:
            other = rng.choice(others)
            data = data[:at] + other[rng.randrange(len(other) + 1) :]
        elif change == 5:
            data = _with_other_token(rng, data)
        else:
            word = rng.choice(_WORDS)
            data = data[:at] + word + data[rng.choice((at, end)) :]
    return data


def _with_other_token(rng: Random, data: bytes) -> bytes:
    """Replace a number, or what is in quotes, so that the rest stays valid."""
    tokens = list(_TOKEN.finditer(data))
    if not tokens:
        return data
    token = rng.choice(tokens)
    other = rng.choice((*_WORDS, *(each[0].strip(b"'\"") for each in tokens[:20])))
    quote = token[0][:1] if token[0][:1] in (b"'", b'"') else b""
    return data[: token.start()] + quote + other + quote + data[token.end() :]


def changed(rng: Random, value: Any) -> Any:
    """Return a copy of a value of JSON in which one or a few parts are others."""
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        value = _changed(rng, value)
    return value


def written(rng: Random, value: Any) -> bytes:
    """Return a value as JSON, in which text can also be a number without end."""
    escaped = rng.random() < 0.5
    text = json.dumps(value, ensure_ascii=escaped)
    for mark in (json.dumps(_ENDLESS), json.dumps(_ENDLESS, ensure_ascii=False)):
        text = text.replace(mark, rng.choice(("1e999", "-1e999", "1" * 400)))
    return text.encode(errors="surrogatepass")


def strange(rng: Random) -> Any:
    """Return a value that a reader may not expect."""
    kind = rng.randrange(10)
    if kind < 4:
        return rng.choice(_TEXTS)
    if kind < 8:
        return rng.choice(_NUMBERS)
    if kind == 8:
        return rng.choice((None, True, False, [], {}, [[]], {"": {}}, [None], {"x": None}))
    nested: Any = rng.choice(_TEXTS)
    wrap: Callable[[Any], Any] = rng.choice((lambda inner: [inner], lambda inner: {"x": inner}))
    for _ in range(_DEPTH):
        nested = wrap(nested)
    return nested


def _changed(rng: Random, value: Any) -> Any:
    """Replace, remove, repeat or rename one part, at any depth."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        return _changed_mapping(rng, value)
    if isinstance(value, list) and value and rng.random() < 0.9:
        return _changed_list(rng, value)
    if isinstance(value, str) and rng.random() < 0.3:
        return damaged(rng, value.encode(errors="surrogatepass")).decode(errors="replace")
    if isinstance(value, int) and rng.random() < 0.3:
        return value + rng.choice((-1, 1, 2**16, -(2**32)))
    return strange(rng)


def _changed_mapping(rng: Random, value: dict[str, Any]) -> dict[str, Any]:
    key, change = rng.choice(list(value)), rng.random()
    if change < 0.1:
        return {name: each for name, each in value.items() if name != key}
    if change < 0.2:
        other = rng.choice((*value, *_TEXTS))
        return {(other if name == key else name): each for name, each in value.items()}
    if change < 0.3:
        return {**value, rng.choice(_TEXTS): strange(rng)}
    return {**value, key: _changed(rng, value[key])}


def _changed_list(rng: Random, value: list[Any]) -> list[Any]:
    at, change = rng.randrange(len(value)), rng.random()
    if change < 0.1:
        return value[:at] + value[at + 1 :]
    if change < 0.25:
        return value[:at] + value[at : at + 1] * rng.choice((2, 3, 40)) + value[at + 1 :]
    if change < 0.35:
        return rng.sample(value, len(value))
    return [*value[:at], _changed(rng, value[at]), *value[at + 1 :]]
