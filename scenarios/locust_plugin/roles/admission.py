"""The master's door: which workers may take part, and who is refused, by name and with a reason.

Locust itself takes whoever connects. A refused worker is told why and quits, and so leaves Locust's
list before users are spread over it. Where it is the only one there so far it must leave the list
before it quits: a headless Locust whose last worker quits ends, though others are on their way.
"""

import logging
from collections.abc import Callable
from typing import Any

import gevent
import msgspec
from locust.runners import MasterRunner

from gauntlet.core.errors import ConfigError, GauntletError
from gauntlet.core.hosts import is_loopback_url
from gauntlet.scenarios.distributed import worker_identity
from gauntlet.scenarios.distributed.worker_identity import Identity
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.locust_plugin.roles.rpc import Asker
from gauntlet.scenarios.locust_plugin.roles.worker_state import Member

WORD_TIMEOUT_S = 5.0
_GATHER_TIMEOUT_S = 10.0
_POLL_S = 0.05

log = logging.getLogger(__name__)


class Door:
    """`known` are those that may take part, by Locust's id; while `shut`, nobody new is let in.

    `on_refused` is told of every refusal, in a sentence.
    """

    def __init__(
        self,
        runner: MasterRunner,
        asker: Asker,
        ours: Identity,
        on_refused: Callable[[str], None],
    ) -> None:
        self._runner = runner
        self._asker = asker
        self._ours = ours
        self._on_refused = on_refused
        self.known: dict[str, Member] = {}
        self.shut = False
        self._spreading = False  # from the first start on Locust spreads users over its list

    def meet(self, client: str, said: dict[str, Any]) -> None:
        """A worker says who it is."""
        try:
            theirs = msgspec.convert(said, Identity)
        except msgspec.ValidationError as error:
            self._refuse(client, f"The worker {client}", f"it does not say who it is: {error}")
            return
        late = "it came after the start" if self.shut and client not in self.known else ""
        if why := worker_identity.mismatch(theirs, self._ours) or late:
            self._refuse(client, _named(theirs), why)
        elif client not in self.known:
            self.known[client] = Member(client, theirs)

    def gather(self, load: LoadFile, expected: int) -> list[Member]:
        """Those who are ready for a load; ConfigError where they are fewer than expected.

        Locust counts whoever has connected, and so may have counted one that was then refused.
        """
        self._spreading = True
        ready: list[Member] = []
        with gevent.Timeout(_GATHER_TIMEOUT_S, False):
            while True:
                clients = [client.id for client in self._runner.clients.ready]
                for client in clients:
                    self._greet(client)
                self._turn_away_the_distant(load)
                ready = [self.known[client] for client in clients if client in self.known]
                if len(ready) == len(clients) >= expected:
                    return ready
                gevent.sleep(_POLL_S)
        raise ConfigError(f"{len(ready)} of {expected} workers can take part; see above")

    def _greet(self, client: str) -> None:
        """Locust has its own word for "ready"; ours may be on its way, or never come."""
        if client in self.known:
            return
        try:
            self.meet(client, self._asker.ask(client, "who", within_s=WORD_TIMEOUT_S).data)
        except GauntletError:
            self._say(f"The worker {client} is refused: it does not speak as one of ours.")
            self._runner.send_message("quit", None, client)

    def _turn_away_the_distant(self, load: LoadFile) -> None:
        """Loopback is another for each host: there is no server for a worker elsewhere."""
        on_loopback = all(map(is_loopback_url, load.api))
        for member in list(self.known.values()):
            if on_loopback and member.identity.network != self._ours.network:
                why = f"{load.api[0]} is on the master's loopback, out of its reach"
                self._refuse(member.client, _named(member.identity), why)

    def _refuse(self, client: str, who: str, why: str) -> None:
        sentence = f"{who} is refused: {why}."
        self._say(sentence)
        self.known.pop(client, None)
        if not self._spreading:
            self._runner.clients.pop(client, None)
        gevent.spawn(self._asker.tell, client, "refuse", {"message": sentence})

    def _say(self, sentence: str) -> None:
        log.error("%s", sentence)
        self._on_refused(sentence)


def _named(worker: Identity) -> str:
    return f"The worker on {worker.host} (pid {worker.pid})"
