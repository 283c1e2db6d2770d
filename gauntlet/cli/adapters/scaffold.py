"""`gauntlet adapter new`: the files of a new adapter, by what its system offers. Pure.

The scaffold speaks an invented protocol in JSON, which its author replaces by that of the system.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from gauntlet.core.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the new adapter's system offers."""

    name: str
    binary: bool = False
    http: bool = False
    numbered: bool = False
    acknowledged: bool = True
    history: bool = False

    @property
    def class_name(self) -> str:
        """The name of the adapter's class."""
        return "".join(part.capitalize() for part in self.name.split("_"))


def files(choices: Choices) -> dict[str, str]:
    """Return the files of an adapter by name; ConfigError if its name cannot be a module's."""
    if not _NAME.fullmatch(choices.name):
        raise ConfigError(
            "NAME must have 1 to 40 lower-case letters, digits and underscores, and begin with a "
            f"letter; got {choices.name!r}"
        )
    name = choices.name
    return {
        f"{name}.py": _adapter(choices),
        f"test_{name}.py": _test(choices),
        f"{name}.yaml": _scenario(choices),
    }


def write(choices: Choices, folder: Path) -> list[Path]:
    """Write the files and return their paths; ConfigError if one exists already."""
    found = files(choices)
    paths = [folder / name for name in found]
    if existing := [str(path) for path in paths if path.exists()]:
        raise ConfigError(f"--out: {', '.join(existing)} exists already; nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            path.write_text(found[path.name], encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out must be a folder that can be written to: {error}") from error
    return paths


def _adapter(choices: Choices) -> str:
    capabilities = [
        *(["base.SERVER_SEQ"] if choices.numbered else []),
        *(["base.HISTORY"] if choices.history else []),
    ]
    declared = f"frozenset({{{', '.join(capabilities)}}})" if capabilities else "frozenset()"
    parts = [
        _HEAD.replace("NAME", choices.name)
        .replace("CLASS", choices.class_name)
        .replace("DECLARED", declared)
        .replace("ITERTOOLS\n", "import itertools\n" if _tickets(choices) else ""),
        _CODEC_HTTP if choices.http else "",
        "        self._tickets = itertools.count()\n" if _tickets(choices) else "",
        ""
        if choices.acknowledged or choices.http
        else "        self._unanswered: list[str] = []\n",
        _OPEN,
        _send(choices),
        _history(choices),
        _read(choices),
        _entry(choices),
        _functions(choices),
        _BINARY_FRAME if choices.binary else _TEXT_FRAME,
    ]
    return "".join(parts)


def _tickets(choices: Choices) -> bool:
    return choices.history and not choices.http


def _send(choices: Choices) -> str:
    if choices.http:
        return _SEND_HTTP
    return _SEND if choices.acknowledged else _SEND_UNACKNOWLEDGED


def _history(choices: Choices) -> str:
    if not choices.history:
        return ""
    return _HISTORY_HTTP if choices.http else _HISTORY


def _functions(choices: Choices) -> str:
    """Return the functions that read answers."""
    outcome = f'base.Sent(stored="{"yes" if choices.acknowledged else "handed-over"}")'
    if choices.acknowledged and choices.numbered:
        outcome = 'base.Sent(stored="yes", seq=int(json.loads(response.body)["seq"]))'
    head = ', head=int(content["head"])' if choices.numbered else ""
    return "".join(
        [
            _READ_SENT.replace("OUTCOME", outcome) if choices.http else "",
            _JSON if choices.http and choices.history else "",
            _PAGE_OF.replace("HEAD", head) if choices.history else "",
        ]
    )


def _read(choices: Choices) -> str:
    cases = [_CASE_MESSAGE, _CASE_WELCOME]
    if not choices.http and choices.acknowledged:
        seq = ', seq=int(content["seq"])' if choices.numbered else ""
        cases.append(_CASE_STORED.replace("SEQ", seq))
    if _tickets(choices):
        cases.append(_CASE_PAGE)
    unanswered = not choices.http and not choices.acknowledged
    cases.append(_CASE_PONG_UNACKNOWLEDGED if unanswered else _CASE_PONG)
    return _READ + "".join(cases) + _CASE_NONE


def _entry(choices: Choices) -> str:
    return _ENTRY.replace("SEQ", 'int(message["seq"])' if choices.numbered else "0").replace(
        "IDENT", 'id=str(message["key"]),' if choices.history and not choices.numbered else 'id="",'
    )


_HEAD = '''"""The adapter NAME. Replace the invented protocol by that of your system.

    gauntlet adapter check NAME:CLASS --url ws://127.0.0.1:9000
    gauntlet run NAME.yaml
"""

ITERTOOLS
import json
from collections.abc import Mapping
from typing import Any

from gauntlet.scenarios.adapters import base


class CLASS(base.Adapter):
    """The system: what it guarantees, and its address."""

    # Declare only what the system guarantees. `gauntlet adapter check` tries it.
    capabilities: frozenset[str] = DECLARED
    subprotocols = ()

    def url(self, url: str) -> str:
        return f"{url.rstrip('/')}/chat"

    def codec(self, account: base.Account, device: str) -> "Codec":
        return Codec(account, device)


class Codec(base.Codec):
    """One session: it turns bytes into events and actions into frames. No sockets, no clocks."""

    def __init__(self, account: base.Account, device: str) -> None:
        self._account = account
        self._device = device
'''
_CODEC_HTTP = "        self._token = account.token\n"
_OPEN = """
    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        return _frame("hello", user=self._account.name, device=self._device)

    def ping(self) -> bytes:
        return _frame("ping")

    def _peer(self, conv: str) -> str:
        # Direct conversations are called d.<user>.<user>, with the names in alphabetical order.
        first, second = conv.split(".")[1:]
        return second if first == self._account.name else first
"""
_SEND = """
    def send(self, conv: str, client_msg_id: str, body: str) -> base.Call[base.Sent]:
        frame = _frame("send", id=client_msg_id, to=self._peer(conv), text=body)
        return base.OverSocket(ticket=client_msg_id, frames=(frame,))
"""
_SEND_UNACKNOWLEDGED = """
    def send(self, conv: str, client_msg_id: str, body: str) -> base.Call[base.Sent]:
        # The pong shows that the server has read the message before it, and no more than that.
        self._unanswered.append(client_msg_id)
        frame = _frame("send", id=client_msg_id, to=self._peer(conv), text=body)
        return base.OverSocket(ticket=client_msg_id, frames=(frame, _frame("ping")))

    def lost(self) -> None:
        self._unanswered.clear()
"""
_SEND_HTTP = """
    def send(self, conv: str, client_msg_id: str, body: str) -> base.Call[base.Sent]:
        message = {
            "from": self._account.name,
            "id": client_msg_id,
            "to": self._peer(conv),
            "text": body,
        }
        request = base.Request(
            method="POST",
            path="/messages",
            body=json.dumps(message).encode(),
            token=self._token,
        )
        return base.OverHttp(request=request, read=_read_sent)
"""
_HISTORY = """
    def history(self, conv: str, after: base.Cursor, limit: int) -> base.Call[base.Page]:
        ticket = f"h{next(self._tickets)}"
        frame = _frame("history", ticket=ticket, conv=conv, after=after, limit=limit)
        return base.OverSocket(ticket=ticket, frames=(frame,))
"""
_HISTORY_HTTP = """
    def history(self, conv: str, after: base.Cursor, limit: int) -> base.Call[base.Page]:
        path = f"/history?conv={conv}&after={after}&limit={limit}"
        request = base.Request(method="GET", path=path, token=self._token)
        return base.OverHttp(request=request, read=lambda response: _page(_json(response)))
"""
_READ = """
    def read(self, frame: bytes) -> base.Event:
        try:
            ((name, content),) = json.loads(frame).items()
            return self._read(name, content)
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise base.ProtocolError(f"not a frame of this protocol: {error!r}") from error

    def _read(self, name: str, content: Mapping[str, Any]) -> base.Event:
        match name:
"""
_CASE_MESSAGE = """            case "message":
                return _entry(content)
"""
_CASE_WELCOME = """            case "welcome":
                return base.Connected(edge=content["node"])
"""
_CASE_STORED = """            case "stored":
                # Return this only for a frame with which the system takes responsibility.
                sent = base.Sent(stored="yes"SEQ)
                return base.Answer(ticket=content["id"], value=sent)
"""
_CASE_PAGE = """            case "page":
                return base.Answer(ticket=content["ticket"], value=_page(content))
"""
_CASE_PONG = """            case "pong":
                return base.Heartbeat()
"""
_CASE_PONG_UNACKNOWLEDGED = """            case "pong":
                answered, self._unanswered = self._unanswered, []
                sent = base.Sent(stored="handed-over")
                answers = [base.Answer(ticket=ticket, value=sent) for ticket in answered]
                return base.EventBatch(events=(base.Heartbeat(), *answers))
"""
_CASE_NONE = """        raise base.ProtocolError(f"the protocol has no frame {name!r}")
"""
_ENTRY = """

def _entry(message: Mapping[str, Any]) -> base.Entry:
    return base.Entry(
        conv=".".join(["d", *sorted((message["from"], message["to"]))]),
        seq=SEQ,
        sender=message["from"],
        body=message["text"],
        client_msg_id=message["id"],
        IDENT
    )
"""
_TEXT_FRAME = """

def _frame(name: str, **content: object) -> bytes:
    return json.dumps({name: content}).encode()
"""
_BINARY_FRAME = """

def _frame(name: str, **content: object) -> bytes:
    return base.Binary(json.dumps({name: content}).encode())
"""
_READ_SENT = """

def _read_sent(response: base.Response) -> base.Sent:
    # Reading an answer never raises: what is not understood may have been stored.
    if 400 <= response.status < 500:
        return base.Sent(stored="no", temporary=response.status == 429)
    if response.status >= 300:
        return base.Sent(stored="unknown")
    try:
        return OUTCOME
    except (ValueError, KeyError, TypeError):
        return base.Sent(stored="unknown")
"""
_JSON = """

def _json(response: base.Response) -> Any:
    try:
        return json.loads(response.body)
    except ValueError as error:
        raise base.ProtocolError("the history is not JSON") from error
"""
_PAGE_OF = """

def _page(content: Mapping[str, Any]) -> base.Page:
    try:
        entries = [_entry(message) for message in content["messages"]]
        return base.Page(entries=entries, more=bool(content["more"])HEAD)
    except (ValueError, KeyError, TypeError) as error:
        raise base.ProtocolError(f"not a page of the history: {error!r}") from error
"""


def _test(choices: Choices) -> str:
    return _TEST.replace("NAME", choices.name).replace("CLASS", choices.class_name)


_TEST = '''"""The codec of NAME without a server: bytes in, events out."""

import json

import pytest
from gauntlet.scenarios.adapters import base
from NAME import CLASS


@pytest.fixture
def codec() -> base.Codec:
    """A session of ann."""
    return CLASS({}).codec(base.Account(name="ann"), "d0")


def test_the_welcome_connects(codec: base.Codec) -> None:
    assert json.loads(codec.open({})) == {"hello": {"user": "ann", "device": "d0"}}
    event = codec.read(b'{"welcome": {"node": "chat-1"}}')
    assert isinstance(event, base.Connected)


def test_a_push_is_an_entry(codec: base.Codec) -> None:
    message = {"id": "m1", "from": "bob", "to": "ann", "text": "hi", "seq": 1, "key": "k1"}
    event = codec.read(json.dumps({"message": message}).encode())
    assert isinstance(event, base.Entry)
    assert (event.conv, event.sender, event.body) == ("d.ann.bob", "bob", "hi")


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b'{"x": {}}', b"\\xff"])
def test_anything_else_is_a_protocol_error(codec: base.Codec, frame: bytes) -> None:
    with pytest.raises(base.ProtocolError):
        codec.read(frame)
'''


def _scenario(choices: Choices) -> str:
    return (
        _SCENARIO.replace("NAME", choices.name)
        .replace("CLASS", choices.class_name)
        .replace("SLUG", choices.name.replace("_", "-"))
        .replace("SCHEME", "http" if choices.http else "ws")
    )


_SCENARIO = """version: 1
name: SLUG
about: A short load on a running server, to begin with.
target:
  stack: external
  adapter: NAME:CLASS
  url: ["SCHEME://127.0.0.1:9000"]
load: {users: 10, rate: 10/s, ramp: 2s, steady: 10s, workload: {direct: 1}}
"""
