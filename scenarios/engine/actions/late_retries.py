"""Devices that send a message again which was acknowledged long ago, as after a crash of the app.

A client retries only the last message of a conversation, and soon. An app that did not save the
acknowledgement sends an older one again, after others. The server must recognise it by its id,
store nothing, and answer as before. Attempt and answer are recorded like those of any retry.

The message comes from a page of the history. It was sent at most `give_up_after` ago, which is as
long as a server has to expect retries, and it was acknowledged: the outcome of an op never changes.
"""

from functools import partial

from gauntlet.core.history import Kind, NamedFlag, id_digest
from gauntlet.core.scenario.capabilities import IDEMPOTENT_SEND
from gauntlet.scenarios.adapters.base import Entry, ProtocolError, Sent
from gauntlet.scenarios.adapters.limits import check_sent
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.receiver import Content
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions.history_reads import ReadPage
from gauntlet.scenarios.engine.answers import answer_to
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.workloads.entities import Conversation

RETRIES_MAX = 24  # of each worker: evidence, at no cost that the load would notice
_TIMEOUT_S = 5.0
_LATE_ATTEMPT = 2  # the number of the attempt; how many there were before is not known here


class LateRetries:
    """The late retries of one worker."""

    def __init__(self, plan: LoadPlan, context: Context, transport: SocketTransport) -> None:
        self._context = context
        self._transport = transport
        self._left = RETRIES_MAX if IDEMPOTENT_SEND in plan.adapter.capabilities else 0

    def on_page(self, page: ReadPage) -> None:
        """Send the oldest message of a page again that its reader has sent, if there is one."""
        if not self._left:
            return
        own = (each for each in page.messages if self._is_own(page.reader, page.conv, *each))
        if (oldest := next(own, None)) is not None:
            self._left -= 1
            self._transport.spawn(self._retry(page.reader, page.conv, *oldest))

    def _is_own(self, reader: Session, conv: Conversation, entry: Entry, content: Content) -> bool:
        """Return whether a message is certainly one of the reader that was acknowledged."""
        context = self._context
        if content.flags or content.named & NamedFlag.OTHER_MESSAGE:
            return False
        if content.peer != reader.user.number or not entry.client_msg_id:
            return False
        age_ns = context.now_ns() - content.intended_ns
        return age_ns < context.limits.give_up_after_ns and context.ledger.is_acked(
            conv.number, content.peer, content.sseq
        )

    async def _retry(
        self, session: Session, conv: Conversation, entry: Entry, content: Content
    ) -> None:
        channel = session.request_channel
        self._record(Kind.ATTEMPT, session, conv, content)
        make = partial(channel.codec.send, conv.name, entry.client_msg_id, entry.body)
        try:
            sent = await answer_to(
                self._transport, channel, channel.gateway, make, check_sent, _TIMEOUT_S
            )
        except ProtocolError:
            return
        if sent.stored == "yes":
            self._record_answer(session, conv, entry, content, sent)

    def _record_answer(
        self, session: Session, conv: Conversation, entry: Entry, content: Content, sent: Sent
    ) -> None:
        self._record(Kind.ACK, session, conv, content, seq=sent.seq)
        wrong = 0
        if sent.conv and sent.conv != conv.name:
            wrong |= NamedFlag.OTHER_CONVERSATION
        if sent.client_msg_id and sent.client_msg_id != entry.client_msg_id:
            wrong |= NamedFlag.OTHER_MESSAGE
        if wrong or sent.id:
            told = {"ref_ns": id_digest(sent.id), "seq": sent.seq, "spare": wrong}
            self._record(Kind.NAMED, session, conv, content, **told)
        local_ns = self._context.server_times.local_ns(sent.stamped_ms) if sent.stamped_ms else 0
        if local_ns:
            self._record(Kind.STAMP, session, conv, content, ref_ns=local_ns, seq=sent.seq)

    def _record(
        self, kind: Kind, session: Session, conv: Conversation, content: Content, **fields: int
    ) -> None:
        known = {
            "ref_ns": content.intended_ns,
            "conv": conv.number,
            "link": session.request_channel.connection_number,
            "peer": content.peer,
            "sseq": content.sseq,
            "spare": _LATE_ATTEMPT if kind in (Kind.ATTEMPT, Kind.ACK) else 0,
        }
        self._context.sink.add(kind, self._context.now_ns(), **(known | fields))
