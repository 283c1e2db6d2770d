"""Adapters of the chat server: what the template declares, and more than that."""

import itertools
import json

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters._template import Codec as TemplateCodec
from gauntlet.scenarios.adapters._template import Template


class WithHistory(Template):
    """Declares that messages are kept, and stored once under an id."""

    capabilities = frozenset({base.HISTORY, base.IDEMPOTENT_SEND})

    def codec(self, account, device):
        return Codec(account.name, device, self._ping_ms, self._pong_ms)


class Undeclared(WithHistory):
    """Implements the history, and declares nothing."""

    capabilities = frozenset()


class Resuming(WithHistory):
    """Declares what the server cannot do."""

    capabilities = frozenset({base.RESUME, base.SELF_ECHO, base.SERVER_SEQ})


class Raising(Template):
    """Its codec raises whatever the server sends."""

    def codec(self, account, device):
        return RaisingCodec(account.name, device, 1000, 1000)


class RaisingCodec(TemplateCodec):
    """A codec with a mistake."""

    def read(self, frame):
        return {}["welcome"]


class SigningUp(Template):
    """Creates accounts on the first connection of a user."""

    def codec(self, account, device):
        return SigningUpCodec(account.name, device, self._ping_ms, self._pong_ms)


class SigningUpCodec(TemplateCodec):
    """Registers first; a server without registration answers that as it answers a ping."""

    signs_up = False

    def sign_up(self):
        self.signs_up = True
        return base.Immediate(value=False)

    def open(self, cursors):
        hello = super().open(cursors)
        return hello.replace(b"hello", b"register") if self.signs_up else hello

    def _read(self, name, content):
        if name == "registered":
            self.signs_up = False
            return base.SendFrames((super().open({}),))
        if name == "pong" and self.signs_up:
            return base.Refused("registration", "service-unavailable")
        return super()._read(name, content)


class Codec(TemplateCodec):
    """The template's codec, with ids of entries and a history."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._tickets = itertools.count()

    def history(self, conv, after, limit):
        ticket = f"h{next(self._tickets)}"
        content = {"ticket": ticket, "conv": conv, "after": after, "limit": limit}
        return base.OverSocket(ticket=ticket, frames=(json.dumps({"history": content}).encode(),))

    def _read(self, name, content):
        if name == "page":
            entries = [_entry(message) for message in content["messages"]]
            page = base.Page(entries=entries, more=content["more"])
            return base.Answer(ticket=content["ticket"], value=page)
        if name == "message":
            return _entry(content)
        return super()._read(name, content)


def _entry(message):
    return base.Entry(
        conv=".".join(["d", *sorted((message["from"], message["to"]))]),
        seq=0,
        sender=message["from"],
        body=message["text"],
        client_msg_id=message["id"],
        id=message["key"],
    )
