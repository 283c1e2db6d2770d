"""A single server process, started with a given configuration and without a cluster."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

from gauntlet.stacks.free_port import free_port

TIMEOUT_S = 20.0
SERVICES = ["gateway", "message", "sessions", "friend", "sticker", "room"]


class ServerProcess:
    """A server process and its HTTP API; a test may change `config` before `start`."""

    def __init__(self, folder, redis_url):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.config = {
            "name": "all-1",
            "services": SERVICES,
            "port": self.port,
            "secret": "s",
            "internal_token": "inside",
            "urls": {
                "api": [self.url],
                "edges": [
                    {"name": f"edge-{color}-1", "environment": color, "url": f"ws://{color}"}
                    for color in ("blue", "green")
                ],
            },
            "messages_db": f"sqlite://{folder}/messages.db",
            "users_db": f"sqlite://{folder}/users.db",
            "registry": redis_url,
            "bus": redis_url,
        }
        self.popen = None

    def start(self):
        """Start the process and wait until it is healthy."""
        with (self.folder / "log").open("ab") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "gauntlet.reference_server.main"],
                stdin=subprocess.PIPE,
                stderr=log,
            )
        self.popen.stdin.write(json.dumps(self.config).encode() + b"\n")
        self.popen.stdin.flush()
        deadline = time.monotonic() + TIMEOUT_S
        while not self.is_healthy():
            assert time.monotonic() < deadline, self.log()
            assert self.popen.poll() is None, self.log()
            time.sleep(0.05)
        return self

    def is_healthy(self):
        """Return whether the process answers its health check."""
        try:
            return self.call("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def log(self):
        """Return the log of the process."""
        return (self.folder / "log").read_text()

    def call(self, method, path, body=None, **headers):
        """Return the status and the decoded body of a call."""
        data = None if body is None else json.dumps(body).encode()
        header_fields = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data, header_fields, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                status, payload = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, payload = error.code, error.read()
        return status, json.loads(payload) if payload[:1] in b"{[" else payload.decode()

    def log_in(self, user):
        """Log a user in; return a function that calls the API as this user."""
        status, session = self.call("POST", "/v1/sessions", {"user": user, "device": "d0"})
        assert status == 200
        bearer = f"Bearer {session['token']}"
        return lambda *call: self.call(*call, Authorization=bearer)

    def call_internal(self, *call):
        """Call an internal endpoint, as the server's own processes do."""
        return self.call(*call, X_Internal="inside")

    def stop(self):
        """End the process if it is running."""
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()
            self.popen.stdin.close()
