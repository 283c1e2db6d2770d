"""The bodies of a send and of its response."""

from typing import Annotated

import msgspec

ClientMsgId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class SendBody(msgspec.Struct):
    """What a client sends: either a body or a sticker."""

    client_msg_id: ClientMsgId
    body: str | None = None
    sticker: str | None = None


class SendResult(msgspec.Struct, omit_defaults=True):
    """Where the message is stored; with `dup` it was stored before."""

    conv: str
    seq: int
    msg_id: str
    ts: int
    dup: bool = False
