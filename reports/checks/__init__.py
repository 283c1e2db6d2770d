"""The checks by name: each takes a whole history and returns a finding, and describes itself.

To add a check: a file, its test, a mutator in `gauntlet/campaigns/synthetic/mutators.py`, two
golden histories, and a line here; then `make docs`. See docs/howto/write-a-plug-in.md.
"""

from typing import Protocol

from gauntlet.core.history import RECORDED
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import CAPABILITIES
from gauntlet.core.scenario.model import Scenario
from gauntlet.reports.checks import (
    access,
    ack_content,
    attendance_stale,
    causal,
    contacts,
    divergent_order,
    duplicate,
    exits,
    history_gap,
    history_order,
    history_regress,
    late,
    lost_acked,
    misdelivery,
    phantom,
    position,
    realtime,
    resync_replay,
    sender_fifo,
    stickers,
    timestamps,
    undelivered,
    unrecovered,
    wire_order,
)
from gauntlet.reports.checks._listings import oldest_first
from gauntlet.reports.checks._pages import whole_pages
from gauntlet.reports.checks.finding import Check, Finding, Verdict, judge
from gauntlet.reports.history.history import History


class CheckModule(Protocol):
    """The file of a check."""

    KIND: CheckKind

    def check(self, history: History) -> Finding:
        """Examine a whole history."""
        ...


_REGISTERED: tuple[CheckModule, ...] = (
    lost_acked,
    undelivered,
    duplicate,
    sender_fifo,
    wire_order,
    position,
    realtime,
    causal,
    divergent_order,
    phantom,
    misdelivery,
    access,
    ack_content,
    timestamps,
    history_gap,
    history_order,
    history_regress,
    resync_replay,
    exits,
    attendance_stale,
    contacts,
    stickers,
    late,
    unrecovered,
)

KINDS: dict[str, CheckKind] = {module.KIND.name: module.KIND for module in _REGISTERED}
CHECKS: dict[str, Check] = {module.KIND.name: module.check for module in _REGISTERED}

# The capabilities without which a check is not applicable.
NEEDS: dict[str, frozenset[str]] = {
    name: frozenset(kind.needs) for name, kind in KINDS.items() if kind.needs
}


def run_all(history: History) -> list[Verdict]:
    """Return every check's verdict, in the order of the registry."""
    return [run_one(name, history) for name in CHECKS]


def run_one(name: str, history: History) -> Verdict:
    """Return one check's verdict. A check that crashes is unknown, never valid."""
    return conclude(name, find(name, history), history.scenario)


def find(name: str, history: History) -> Finding:
    """Return what one check finds in a history, or why it does not apply or failed."""
    missing = sorted(NEEDS.get(name, frozenset()) - history.capabilities)
    if missing and not _pages_suffice(name, history):
        listed = "; ".join(f"`{capability}` ({CAPABILITIES[capability]})" for capability in missing)
        sentence = f"The check does not apply: the adapter does not declare {listed}."
        return Finding(0, "", "", not_applicable=sentence)
    try:
        return CHECKS[name](history)
    except Exception as error:  # noqa: BLE001  # any failure of a check is not a pass
        sentence = f"The check crashed with {type(error).__name__}: {error}"
        return Finding(0, "", "", unknown=sentence, crashed=True)


def _pages_suffice(name: str, history: History) -> bool:
    """Return whether pages of a history have what a check needs, in place of capabilities."""
    suffices = KINDS[name].pages_suffice
    if suffices == "ordered":
        return oldest_first(history).page.size > 0
    return suffices == "listed" and whole_pages(history).size > 0


def conclude(name: str, finding: Finding, scenario: Scenario) -> Verdict:
    """Return the verdict that follows from what a check found."""
    # The size of a load is a matter of the scenario, that of an imported history is not.
    is_imported = scenario.target.adapter == RECORDED
    return judge(name, finding, 1 if is_imported else KINDS[name].examined_min)
