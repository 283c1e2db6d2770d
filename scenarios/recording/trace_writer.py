"""Writes `logs/trace-<worker>.jsonl`: what the first users of a worker exchange with the server."""

import base64
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.adapters.base import Account

BYTES_MAX = 16 << 20
_FRAME_BYTES_MAX = 4096
_HIDDEN = "***"
_SECRET_HEADERS = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization"})
# Secrets that a login or a token call returns, in JSON and in addresses.
_NAMED = r"[\w-]*(?:password|passwd|secret|token|api_?key)"
_IN_JSON = re.compile(rf'("{_NAMED}"\s*:\s*")(?:[^"\\]|\\.)*', re.IGNORECASE)
_IN_QUERY = re.compile(rf"([?&]{_NAMED}=)[^&\s\"']*", re.IGNORECASE)
_IN_REPR = re.compile(rf"(\b{_NAMED}=['\"])(?:[^'\"\\]|\\.)*", re.IGNORECASE)


class TraceWriter:
    """Appends rows until the file has `BYTES_MAX` bytes. Secrets are replaced by `***`.

    Text is shown as text, and what is not UTF-8 as hex. Long frames are cut.
    """

    def __init__(
        self, file: Path, transport: str, now_ns: Callable[[], int], bytes_max: int = BYTES_MAX
    ) -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self._transport = transport
        self._now_ns = now_ns
        self._start_ns = now_ns()
        self._left = bytes_max
        self._secrets: set[str] = set()

    def hide(self, account: Account) -> None:
        """Keep the secrets of an account out of all rows from now on."""
        for secret in (account.password, account.token):
            if secret:
                plain = f"\0{account.name}\0{secret}".encode()  # SASL PLAIN
                self._secrets |= {secret, base64.b64encode(plain).decode()}

    def add(self, what: str, **fields: Any) -> None:
        """Append one row."""
        if self._left <= 0 or self._file.closed:
            return
        at_s = round((self._now_ns() - self._start_ns) / NS_PER_S, 6)
        row = {"at_s": at_s, "what": what, "transport": self._transport}
        line = json.dumps(row | self._shown(fields), ensure_ascii=False) + "\n"
        self._left -= len(line.encode())
        self._file.write(line)
        if self._left <= 0:
            self._file.write(json.dumps({"at_s": at_s, "what": "full"}) + "\n")

    def close(self) -> None:
        """Close the file; later rows are discarded."""
        self._file.close()

    def _shown(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, value in fields.items():
            if isinstance(value, bytes):
                shown |= self._frame(value)
            elif isinstance(value, Mapping):
                shown[name] = {key: self._header(key, text) for key, text in value.items()}
            elif isinstance(value, str) and name != "user":
                shown[name] = self._redacted(value)[:_FRAME_BYTES_MAX]
            else:
                shown[name] = value
        return shown

    def _frame(self, frame: bytes) -> dict[str, Any]:
        cut: dict[str, Any] = {"bytes": len(frame)}
        try:
            # Redacted as a whole, because a secret that is cut in two would not be recognised.
            return {**cut, "text": self._redacted(frame.decode())[:_FRAME_BYTES_MAX]}
        except UnicodeDecodeError:
            for secret in self._secrets:
                frame = frame.replace(secret.encode(), _HIDDEN.encode())
            return {**cut, "hex": frame[:_FRAME_BYTES_MAX].hex(" ")}

    def _header(self, name: str, value: object) -> str:
        return _HIDDEN if name.lower() in _SECRET_HEADERS else self._redacted(str(value))

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        for pattern in (_IN_JSON, _IN_QUERY, _IN_REPR):
            text = pattern.sub(rf"\g<1>{_HIDDEN}", text)
        return text
