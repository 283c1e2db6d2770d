"""What is shown, and perhaps asked, before a load goes to another machine."""

import sys

from rich.console import Console

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Scenario
from gauntlet.runner.external import limits as target_limits


def require_limits(scenario: Scenario) -> None:
    """Raise a ConfigError if the target is not on this machine and has no limits."""
    if target_limits.lacks_limits(scenario):
        raise target_limits.refusal(scenario)


def confirm(scenario: Scenario, console: Console) -> None:
    """Show what is going to happen; where there are no limits, ask, or raise the ConfigError."""
    for line in target_limits.summary(scenario):
        console.print(line, markup=False, soft_wrap=True)
    if not target_limits.lacks_limits(scenario):
        return
    refusal = target_limits.refusal(scenario)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise refusal
    console.print(str(refusal), markup=False, soft_wrap=True)
    if console.input("Start this load anyway? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ConfigError("not started")
