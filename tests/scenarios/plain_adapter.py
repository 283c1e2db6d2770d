"""An adapter of `im.v1` as its author would write it outside of this repository: plain Python.

It is found by its import path, `plain_adapter:PlainAdapter`. The simulated load runs it on both
builds of the engine. What it does not define is not needed there.
"""

import json
from collections.abc import Mapping
from typing import Any

from gauntlet.scenarios.adapters import base


class PlainAdapter(base.Adapter):
    """The capabilities of the reference adapter."""

    capabilities = frozenset(base.CAPABILITIES) - {base.RESUME}

    def codec(self, account: base.Account, device: str) -> "PlainCodec":
        return PlainCodec(account.name, device)


class PlainCodec(base.Codec):
    """One session; its attributes are in a dictionary, as those of most classes."""

    def __init__(self, user: str, device: str) -> None:
        self.user, self.device, self.token = user, device, ""

    def login(self) -> base.OverHttp[str]:
        body = json.dumps({"user": self.user, "device": self.device}).encode()
        return base.OverHttp(base.Request("POST", "/v1/sessions", body), self._on_login)

    def _on_login(self, response: base.Response) -> str:
        answer = json.loads(response.body)
        self.token = answer["token"]
        url: str = answer["connect"]["url"]
        return url

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        hello = {"token": self.token, "device": self.device, "cursors": dict(cursors)}
        return json.dumps({"connect": hello}).encode()

    def read(self, frame: bytes) -> base.Event:
        ((kind, content),) = json.loads(frame).items()
        match kind:
            case "msg":
                return _entry(content["conv"], content)
            case "connected":
                edge = content["client"].split("|")[0]
                return base.Connected(
                    edge, "blue", content["ping_ms"], content["pong_ms"], content["heads"]
                )
            case "pong":
                return base.Heartbeat()
        raise base.ProtocolError(f"{kind!r} is no frame of the simulated server")

    def send(self, conv: str, client_msg_id: str, body: str) -> base.OverHttp[base.Sent]:
        content = json.dumps({"client_msg_id": client_msg_id, "body": body}).encode()
        path = f"/v1/conversations/{conv}/messages"
        return base.OverHttp(base.Request("POST", path, content, self.token), _on_sent)

    def history(self, conv: str, after: base.Cursor, limit: int) -> base.OverHttp[base.Page]:
        path = f"/v1/conversations/{conv}/messages?after={after}&limit={limit}"

        def read(response: base.Response) -> base.Page:
            page = json.loads(response.body)
            return base.Page([_entry(conv, row) for row in page["messages"]], page["head"])

        return base.OverHttp(base.Request("GET", path, token=self.token), read)

    def ping(self) -> bytes:
        return b'{"ping":{}}'

    def ack(self, conv: str, seq: int) -> bytes:
        return json.dumps({"ack": {"conv": conv, "seq": seq}}).encode()


def _entry(conv: str, row: dict[str, Any]) -> base.Entry:
    return base.Entry(
        conv,
        row["seq"],
        sender=row["sender"],
        body=row["body"],
        client_msg_id=row["client_msg_id"],
        id=row["msg_id"],
    )


def _on_sent(response: base.Response) -> base.Sent:
    answer = json.loads(response.body)
    if "error" in answer:
        return base.Sent("no", temporary=answer["error"]["temporary"])
    return base.Sent(
        "yes",
        answer["seq"],
        conv=answer["conv"],
        id=answer.get("msg_id", ""),
        stamped_ms=answer.get("ts", 0),
    )
