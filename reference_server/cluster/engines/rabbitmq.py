"""Finds RabbitMQ and starts a private node with its own epmd, ports, cookie and data."""

import os
import re
import secrets
import shutil
from pathlib import Path

from gauntlet.reference_server.cluster.engines.private_files import write_private
from gauntlet.reference_server.cluster.supervision.launch_spec import (
    Binary,
    LaunchSpec,
    MissingBinaryError,
)
from gauntlet.reference_server.cluster.topology.plan import HOST, PlannedComponent

# The only user: a new node has it instead of `guest`, whose password is known.
USER = "im"
INSTALL = (
    "no RabbitMQ found; install it (Debian: apt-get install rabbitmq-server, macOS: "
    "brew install rabbitmq)"
)
# Debian's `rabbitmq-server` on PATH is a wrapper that requires its own user and folders.
_BELOW_WRAPPER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
_RELEASE = re.compile(r"rabbitmq_server-([\d.]+)")
# Two schedulers and few helper threads, because all components share one machine.
_ERLANG = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +A 8 +sbwt none"
_CONFIG = """\
loopback_users = none
num_acceptors.tcp = 2
log.console = true
log.console.level = info
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
"""


def find() -> Binary:
    """Return the server script and its version; MissingBinaryError if it or Erlang is missing."""
    path = os.environ.get("PATH", os.defpath)
    on_path = shutil.which("rabbitmq-server", path=f"{path}:{_SBIN}")
    script = _BELOW_WRAPPER if os.access(_BELOW_WRAPPER, os.X_OK) else on_path
    if script is None or shutil.which("erl") is None or shutil.which("epmd") is None:
        raise MissingBinaryError(INSTALL)
    release = _RELEASE.search(str(Path(script).resolve()))
    return Binary(script, release.group(1) if release else "unknown")


def launch_spec(
    component: PlannedComponent, data_dir: Path, log: Path, password: str
) -> LaunchSpec:
    """Return a node without plugins and with one user, and its epmd as a helper.

    An epmd that Erlang starts by itself would outlive the node. The data of an earlier cluster are
    removed: only a new node gets the user, and an old one may have `guest` in place of it. Nothing
    is lost, because edges read from SQL what the bus has lost.
    """
    folder = data_dir / component.name
    shutil.rmtree(folder / "data", ignore_errors=True)
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    cookie = home / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
    (folder / "enabled_plugins").write_text("[].\n")
    user = f"default_user = {USER}\ndefault_pass = {password}\n"
    write_private(folder / "rabbitmq.conf", _CONFIG + user)
    (folder / "advanced.config").write_text("[].\n")
    _, epmd_port, distribution_port = component.ports
    env = {
        "HOME": str(home),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
        "RABBITMQ_NODENAME": f"{component.name}-{component.port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(component.port),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        # Makes the script replace itself by the node, instead of waiting for it as its parent, so
        # that signals to the child, and the parent-death signal, reach the node itself.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
    epmd = shutil.which("epmd") or "epmd"
    return LaunchSpec(
        argv=(find().path,),
        log=log,
        env=env,
        helpers=((epmd, "-port", str(epmd_port), "-address", HOST),),
    )
