"""Runs Synapse, a Matrix homeserver, with its own configuration, data and port.

Anyone may register, so virtual users create their accounts; the server therefore listens on
loopback only. Its rate limits are lifted, because they would limit the load instead of the server.
"""

import base64
import contextlib
import json
import os
import subprocess
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from gauntlet.scenarios.adapters.matrix import Matrix
from gauntlet.stacks import http_probe
from gauntlet.stacks.free_port import HOST
from gauntlet.stacks.server_stack import Program, ServerStack

LONG_POLL = "long-poll"
STORAGES = ("disk", "memory")
_VERSION = "import importlib.metadata as m; print('Synapse', m.version('matrix-synapse'))"
_VERSION_TIMEOUT_S = 10.0
_UNLIMITED = {"per_second": 1_000_000, "burst_count": 1_000_000}
_LIMITS = ("message", "registration", "joins_per_room", "admin_redaction", "room_creation")
_NESTED_LIMITS = {
    "rc_login": ("address", "account", "failed_attempts"),
    "rc_joins": ("local", "remote"),
    "rc_invites": ("per_room", "per_user", "per_issuer"),
}
_TIMELINE_LIMIT = 1000  # larger than the default, which would cut short what a user has missed
_SEED_BYTES = 32  # of an Ed25519 key
_SECRET_BYTES = 16


class SynapseProgram(Program):
    """Synapse, which is installed in a Python environment of its own."""

    def version(self, binary: str) -> str:
        python = Path(binary).resolve().parent / "python"
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            return subprocess.check_output(
                [python, "-c", _VERSION], text=True, timeout=_VERSION_TIMEOUT_S
            ).strip()
        return ""


PROGRAM = SynapseProgram("synapse_homeserver", "sudo tools/install-services.sh --all")


class SynapseStack(ServerStack):
    """One Synapse, which stores everything in SQLite: on disk or, with `storage: memory`, not."""

    name = "synapse"
    program = PROGRAM
    urls: ClassVar[Mapping[str, str]] = {LONG_POLL: "http://{address}"}
    link_kinds: ClassVar[Mapping[str, str]] = {LONG_POLL: "http"}
    settings = Matrix.settings | {"storage"}
    boot_timeout_s = 120.0

    def read_settings(self) -> None:
        self._storage = self.choice("storage", STORAGES)

    def configure(self) -> None:
        # YAML 1.2 contains JSON.
        self._file = self.folder / "homeserver.yaml"
        self._file.write_text(json.dumps(self._configuration(), indent=2), encoding="utf-8")
        (self.folder / "log.yaml").write_text(json.dumps(_LOGGING, indent=2), encoding="utf-8")

    def _configuration(self) -> dict[str, Any]:
        folder = self.folder.resolve()
        database = ":memory:" if self._storage == "memory" else str(folder / "homeserver.db")
        seed = base64.b64encode(os.urandom(_SEED_BYTES)).decode().rstrip("=")
        return {
            "server_name": self.config.get("domain", "localhost"),
            "listeners": [
                {
                    "port": self.ports[LONG_POLL],
                    "bind_addresses": [HOST],
                    "type": "http",
                    "resources": [{"names": ["client"]}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": database}},
            "log_config": str(folder / "log.yaml"),
            "media_store_path": str(folder / "media"),
            "pid_file": str(folder / "homeserver.pid"),
            "signing_key": f"ed25519 a_1 {seed}",
            "macaroon_secret_key": os.urandom(_SECRET_BYTES).hex(),
            "form_secret": os.urandom(_SECRET_BYTES).hex(),
            "registration_shared_secret": self.config.get("registration_secret")
            or os.urandom(_SECRET_BYTES).hex(),
            "enable_registration": True,
            "enable_registration_without_verification": True,
            "bcrypt_rounds": 4,  # the cost of a login is not what a run measures
            "filter_timeline_limit": _TIMELINE_LIMIT,
            "trusted_key_servers": [],
            "federation_domain_whitelist": [],
            "report_stats": False,
            **_UNUSED,
            **_limits(),
        }

    def command(self) -> list[str]:
        return [self.binary, "--config-path", str(self._file.resolve())]

    def serves(self) -> bool:
        path = "/_matrix/client/versions"
        return http_probe.status(self.ports[LONG_POLL], path) == HTTPStatus.OK


# What clients of a load do not use, and what would take time from the messages.
_UNUSED: dict[str, Any] = {
    "presence": {"enabled": False},
    "push": {"enabled": False},
    "user_directory": {"enabled": False},
}
# Warnings and errors, to the standard error stream.
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
}


def _limits() -> dict[str, Any]:
    """Return the configuration that lifts every rate limit."""
    limits: dict[str, Any] = {f"rc_{name}": _UNLIMITED for name in _LIMITS}
    for name, parts in _NESTED_LIMITS.items():
        limits[name] = dict.fromkeys(parts, _UNLIMITED)
    return limits
