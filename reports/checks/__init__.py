"""The checks: each takes a whole history and returns a finding.

To add one: a file here, a line in `CHECKS`, a line in `gauntlet.core.scenario.catalog.CHECKS`, a
paragraph in `docs/reference/checks.md`, and a mutator in `tests/reports/mutators.py`.
"""

from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.capabilities import CAPABILITIES, HISTORY, SELF_ECHO, SERVER_SEQ
from gauntlet.reports.checks import (
    divergent_order,
    duplicate,
    history_gap,
    lost_acked,
    misdelivery,
    phantom,
    position,
    sender_fifo,
    undelivered,
    unrecovered,
    wire_order,
)
from gauntlet.reports.checks.finding import Check, Outcome, Verdict, judge
from gauntlet.reports.history.history import History

CHECKS: dict[str, Check] = {
    "lost-acked": lost_acked.check,
    "undelivered": undelivered.check,
    "duplicate": duplicate.check,
    "sender-fifo": sender_fifo.check,
    "wire-order": wire_order.check,
    "position": position.check,
    "divergent-order": divergent_order.check,
    "phantom": phantom.check,
    "misdelivery": misdelivery.check,
    "history-gap": history_gap.check,
    "unrecovered": unrecovered.check,
}


# What a check cannot do without: of a system that does not have it, nothing is said.
NEEDS: dict[str, frozenset[str]] = {
    "lost-acked": frozenset({HISTORY}),
    "wire-order": frozenset({SERVER_SEQ}),
    "position": frozenset({SERVER_SEQ}),
    "history-gap": frozenset({SERVER_SEQ, HISTORY}),
    # Two that talk never see the same message, unless their own come back to them.
    "divergent-order": frozenset({SELF_ECHO}),
}


def run_all(history: History) -> list[Verdict]:
    """Every check's verdict, in the registry's order."""
    return [run_one(name, history) for name in CHECKS]


def run_one(name: str, history: History) -> Verdict:
    """One check's verdict. A check that crashes knows nothing: unknown, never valid."""
    missing = sorted(NEEDS.get(name, frozenset()) - history.capabilities)
    if missing:
        reasons = "; ".join(f"`{one}`: {CAPABILITIES[one]}" for one in missing)
        sentence = f"Cannot be judged: the adapter does not declare {reasons}."
        return Verdict(name, Outcome.NOT_APPLICABLE, sentence, 0, 0, ())
    try:
        finding = CHECKS[name](history)
    except Exception as error:  # noqa: BLE001  # whatever went wrong, it is not a pass
        sentence = f"The check itself failed: {type(error).__name__}: {error}"
        return Verdict(name, Outcome.UNKNOWN, sentence, 0, 0, ())
    return judge(name, catalog.CHECKS[name].about, finding)
