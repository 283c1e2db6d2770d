"""A real message-service process on SQLite, in which a start-up hook installs a seeded bug."""

import http.client
import json
import os
import subprocess
import sys
import time

import pytest

from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.stacks.free_port import free_port

UNREACHABLE = "127.0.0.1:1"  # registry and bus are hints: the service works without them


class Server:
    """The process, which can be restarted on the same database."""

    def __init__(self, folder, bug):
        self._folder = folder
        self._hooks = {service: [BUGS[bug].module] for service in BUGS[bug].services} if bug else {}
        self.start()

    def start(self):
        """Start it on a free port, and wait until it answers."""
        self._port = free_port()
        config = {
            "name": "message-1",
            "services": ["message"],
            "port": self._port,
            "secret": "secret",
            "internal_token": "internal",
            "messages_db": f"sqlite://{self._folder / 'messages.db'}",
            "registry": f"redis://{UNREACHABLE}",
            "bus": f"redis://{UNREACHABLE}",
            "startup_hooks": self._hooks,
        }
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "gauntlet.reference_server.main"],
                stdin=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )
        self._process.stdin.write(json.dumps(config).encode() + b"\n")
        self._process.stdin.flush()
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self):
        """End the process by SIGKILL."""
        self._process.kill()
        self._process.communicate()

    def send(self, client_msg_id, body="hello", user="a"):
        """Send into the conversation of a and b; return the answer."""
        message = {"client_msg_id": client_msg_id, "body": body}
        return self._ask("POST", "/v1/conversations/d.a.b/messages", user, message)

    def history(self, after=0, user="b"):
        """What is stored after a cursor: [(seq, client_msg_id, body)]."""
        answer = self._ask("GET", f"/v1/conversations/d.a.b/messages?after={after}", user)
        return [(row["seq"], row["client_msg_id"], row["body"]) for row in answer["messages"]]

    def entries(self, after):
        """The positions that an edge receives for a repair."""
        answer = self._ask("GET", f"/internal/conversations/d.a.b/entries?after={after}", "")
        return [entry["seq"] for entry in answer["entries"]]

    def _answers(self):
        try:
            return self._ask("GET", "/healthz", "")["status"] == "ok"
        except OSError:
            return False

    def _ask(self, method, path, user, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            headers = {"X-Internal": "internal", "X-User": user}
            connection.request(method, path, body and json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        assert response.status < 300, answer
        return answer


@pytest.fixture
def serve(tmp_path):
    """Start a server with a bug, or without one."""
    servers = []

    def start(bug=None):
        servers.append(Server(tmp_path, bug))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def serve_in():
    """Start a server with a bug, or without one, whose files are in a folder."""
    servers = []

    def start(folder, bug=None):
        servers.append(Server(folder, bug))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
