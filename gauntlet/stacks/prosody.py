"""Runs Prosody, an XMPP server, with its own configuration, data and port.

Any user name is accepted with any password (`mod_auth_insecure`, which Prosody ships for tests), so
virtual users need no registration; the server therefore listens on loopback only. It runs as the
current user, which in a container is often root; Prosody permits that only with `run_as_root`.
"""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

from gauntlet.stacks import http_probe
from gauntlet.stacks.server_stack import WEBSOCKET, Program, ServerStack


class ProsodyProgram(Program):
    """Prosody, which has no option that prints its version: a file beside its modules has it."""

    def version(self, binary: str) -> str:
        for folder in _CODE:
            file = Path(folder) / "prosody.version"
            if file.exists():
                return f"Prosody {file.read_text(encoding='utf-8').strip()}"
        return ""


_CODE = ("/usr/lib/prosody", "/usr/local/lib/prosody")
PROGRAM = ProsodyProgram("prosody", "on Debian and Ubuntu: apt-get install prosody")
PATH = "/xmpp-websocket"
STORAGES = ("internal", "memory")

# The archive returns pages of 500 messages and stores 100,000 per user, because the defaults (50
# and 10,000) would limit what a run can prove. Apart from the addresses and the open access, the
# remaining settings are Prosody's defaults.
_CONFIG = """\
data_path = "{data}"
certificates = "{data}"
log = {{ info = "*console" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{}}
c2s_direct_tls_ports = {{}}
s2s_ports = {{}}
s2s_direct_tls_ports = {{}}
https_ports = {{}}
http_ports = {{ {port} }}
http_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{ "saslauth", "disco", "ping", "websocket", "smacks", "mam" }}
modules_disabled = {{ "s2s", "tls" }}
consider_websocket_secure = true
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
authentication = "insecure"
run_as_root = true
insecure_open_authentication = "Yes please, I know what I'm doing!"
storage = "{storage}"
max_archive_query_results = 500
storage_archive_item_limit = 100000
VirtualHost "{domain}"
"""


class ProsodyStack(ServerStack):
    """One Prosody."""

    name = "prosody"
    program = PROGRAM
    urls: ClassVar[Mapping[str, str]] = {WEBSOCKET: "ws://{address}" + PATH}

    def read_settings(self) -> None:
        self._storage = self.choice("storage", STORAGES)

    def configure(self) -> None:
        data = self.folder / "data"
        data.mkdir()
        self._config_file = self.folder / "prosody.cfg.lua"
        self._config_file.write_text(
            _CONFIG.format(
                data=data.resolve(),
                port=self.ports[WEBSOCKET],
                storage=self._storage,
                domain=self.config.get("domain", "localhost"),
            ),
            encoding="utf-8",
        )

    def command(self) -> list[str]:
        return [self.binary, "-F", "--config", str(self._config_file.resolve())]

    def serves(self) -> bool:
        return http_probe.status(self.ports[WEBSOCKET], PATH) == HTTPStatus.OK
