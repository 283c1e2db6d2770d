"""The seeded bugs through the whole server, on both stacks: gateways, services, databases."""

import http.client
import itertools
import json
import time
from urllib.parse import urlsplit

import pytest

from chaos.bugs import BUGS

pytestmark = pytest.mark.integration


class Client:
    """Logs in and calls the gateways, by default in turn."""

    def __init__(self, api):
        self._api = api
        self._turn = itertools.cycle(range(len(api)))
        login = self.ask("POST", "/v1/sessions", {"user": "a", "device": "d"})
        self._token = login["token"]

    _token = ""

    def ask(self, method, path, body=None, gateway=None):
        """One call; the decoded answer of a success."""
        at = next(self._turn) if gateway is None else gateway
        connection = http.client.HTTPConnection(urlsplit(self._api[at]).netloc, timeout=5)
        try:
            headers = {"Authorization": f"Bearer {self._token}"}
            connection.request(method, path, body and json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        assert response.status < 300, answer
        return answer

    def send(self, client_msg_id, gateway):
        """Send into the conversation of a and b."""
        body = {"client_msg_id": client_msg_id, "body": client_msg_id}
        return self.ask("POST", "/v1/conversations/d.a.b/messages", body, gateway)

    def history(self, after=0, gateway=1):
        """[(position, body)] behind a cursor."""
        path = f"/v1/conversations/d.a.b/messages?after={after}"
        return [(it["seq"], it["body"]) for it in self.ask("GET", path, None, gateway)["messages"]]

    def await_stored(self, count):
        """The bug commits late: wait for that many messages."""
        deadline = time.monotonic() + 5
        while len(stored := self.history()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return stored


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def buggy(request, cluster):
    """A stack with all bugs of the message service at once, since booting one takes long."""
    hooks = {"message": [bug.module for bug in BUGS.values() if "message" in bug.services]}
    return request.param, cluster(request.param, startup_hooks=hooks, edges=1)


def test_the_bugs_of_the_message_service_are_visible_to_clients(buggy):
    """Retries are stored twice, cursors skip, and a kill takes what was answered."""
    stack, cluster = buggy
    client = Client(cluster.api)
    client.send("m1", gateway=0)
    assert client.await_stored(1) == [(1, "m1")]

    # retry_mints_new_id: a repeat through the other gateway, which never saw the first try.
    client.send("m1", gateway=1)
    assert client.await_stored(2) == [(1, "m1"), (2, "m1")]

    # resync_skips_one: position 2 stands right behind the cursor.
    assert client.history(after=1) == []

    # ack_before_commit: the answer promises what only 300 ms later would be true.
    assert client.send("m2", gateway=0)["seq"] == 0
    victim = "message-1" if stack == "embedded" else "gateway-1"
    cluster.act(victim, "kill")
    cluster.act(victim, "start")
    time.sleep(0.5)
    assert client.history() == [(1, "m1"), (2, "m1")]
