"""Runs ejabberd, an XMPP server, with its own configuration, data and port.

Erlang is started directly, because Debian's `ejabberdctl` needs the package's own user and folders.
The node has no name, so it needs neither epmd nor a cookie. A script accepts any user name with any
password, so virtual users need no registration; the server therefore listens on loopback only.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from gauntlet.stacks import http_probe
from gauntlet.stacks.server_stack import WEBSOCKET, Program, ServerStack

PATH = "/xmpp-websocket"
# Where distributions install the application, below /usr: Debian, and those that follow Erlang.
_APPLICATIONS = (
    "lib/*/ejabberd-*/ebin/ejabberd.app",
    "lib*/erlang/lib/ejabberd-*/ebin/ejabberd.app",
)
_VERSION = re.compile(r"ejabberd-([\d.]+)")

# Besides the addresses and the open access, the settings are ejabberd's defaults, except that each
# user's messages are archived without being asked to.
_CONFIG = """\
hosts: ["{domain}"]
loglevel: info
auth_method: [external]
extauth_program: "{accept}"
extauth_pool_size: 1
auth_use_cache: false
s2s_access: none
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {{"{path}": ejabberd_http_ws}}
acl: {{local: {{user_regexp: ""}}}}
access_rules: {{local: {{allow: local}}, c2s: {{allow: all}}}}
api_permissions: {{}}
modules:
  mod_ping: {{}}
  mod_stream_mgmt: {{resume_timeout: {resume_s}}}
  mod_mam: {{default: always, assume_mam_usage: true}}
"""
_RESUME_S = 300  # ejabberd's default
STORAGES = ("disk", "memory")
# Replaces how a table is stored that ejabberd would keep on disk only; a file of Mnesia's folder,
# or of that in EJABBERD_MNESIA_SCHEMA.
_IN_MEMORY = "archive_msg: {storage_type: ram_copies}\n"

# Answers every request of ejabberd with "yes": a length, and then a 1, of two bytes each.
_ACCEPT = """\
import sys
requests, answers = sys.stdin.buffer, sys.stdout.buffer
while len(length := requests.read(2)) == 2:
    requests.read(int.from_bytes(length, "big"))
    answers.write(b"\\0\\2\\0\\1")
    answers.flush()
"""


class EjabberdProgram(Program):
    """Erlang, which is of use only with the application `ejabberd`."""

    def find(self) -> str | None:
        return super().find() if application() else None

    def version(self, binary: str) -> str:
        found = _VERSION.search(str(application()))
        return f"ejabberd {found.group(1)}" if found else "ejabberd"


PROGRAM = EjabberdProgram("erl", "on Debian and Ubuntu: apt-get install ejabberd")


def application() -> Path | None:
    """Return the folder of the installed application `ejabberd`, or None."""
    found = sorted(path for pattern in _APPLICATIONS for path in Path("/usr").glob(pattern))
    return found[-1].parent.parent if found else None


class EjabberdStack(ServerStack):
    """One ejabberd. `resume: false` turns stream resumption off."""

    name = "ejabberd"
    program = PROGRAM
    urls: ClassVar[Mapping[str, str]] = {WEBSOCKET: "ws://{address}" + PATH}
    boot_timeout_s = 60.0

    def read_settings(self) -> None:
        self._storage = self.choice("storage", STORAGES)
        self._resume_s = _RESUME_S if self.flag("resume", default=True) else 0

    def configure(self) -> None:
        if self._storage == "memory":
            (self.folder / "ejabberd.schema").write_text(_IN_MEMORY)
        accept = self.folder / "accept.py"
        accept.write_text(_ACCEPT)
        (self.folder / "ejabberd.yml").write_text(
            _CONFIG.format(
                domain=self.config.get("domain", "localhost"),
                accept=f"'{sys.executable}' -I '{accept.resolve()}'",
                port=self.ports[WEBSOCKET],
                path=PATH,
                resume_s=self._resume_s,
            ),
            encoding="utf-8",
        )

    def environment(self) -> Mapping[str, str | None]:
        folder, found = self.folder.resolve(), application()
        return {
            "HOME": str(folder),
            "ERL_LIBS": str(found.parent) if found else None,
            "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
            "EJABBERD_CONFIG_PATH": str(folder / "ejabberd.yml"),
            "EJABBERD_MNESIA_SCHEMA": str(folder),
            "EJABBERD_LOG_PATH": str(folder / "ejabberd.log"),
        }

    def command(self) -> list[str]:
        # Two schedulers that do not spin, because all components share one machine.
        machine = ["+K", "true", "+S", "2:2", "+sbwt", "none", "-noinput"]
        data = f'"{(self.folder / "data").resolve()}"'
        return [self.binary, *machine, "-mnesia", "dir", data, "-s", "ejabberd"]

    def prepare_users(self) -> None:
        """Start the server again if its archive has to be in memory.

        ejabberd creates a table as its own code says, and applies the schema of an administrator
        only to tables that exist when it starts.
        """
        if self._storage == "memory":
            self.act("kill", "TERM")
            self.start_component()

    def serves(self) -> bool:
        # Any answer: the request is no WebSocket handshake, which the server refuses.
        return http_probe.status(self.ports[WEBSOCKET], PATH) is not None
