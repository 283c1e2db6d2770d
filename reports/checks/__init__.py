"""The checks: each takes a whole history and returns a finding.

To add one: a file here, a line in `CHECKS`, a line in `gauntlet.core.scenario.catalog.CHECKS`, a
paragraph in `docs/reference/checks.md`, and a mutator in `tests/reports/mutators.py`.
"""

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

# The capabilities without which a check is not applicable.
NEEDS: dict[str, frozenset[str]] = {
    "lost-acked": frozenset({HISTORY}),
    "wire-order": frozenset({SERVER_SEQ}),
    "position": frozenset({SERVER_SEQ}),
    "history-gap": frozenset({SERVER_SEQ, HISTORY}),
    # The two users of a conversation never see the same message unless their own are echoed.
    "divergent-order": frozenset({SELF_ECHO}),
}


def run_all(history: History) -> list[Verdict]:
    """Return every check's verdict, in the order of the registry."""
    return [run_one(name, history) for name in CHECKS]


def run_one(name: str, history: History) -> Verdict:
    """Return one check's verdict. A check that crashes is unknown, never valid."""
    missing = sorted(NEEDS.get(name, frozenset()) - history.capabilities)
    if missing:
        listed = "; ".join(f"`{capability}` ({CAPABILITIES[capability]})" for capability in missing)
        sentence = f"The check does not apply: the adapter does not declare {listed}."
        return Verdict(name, Outcome.NOT_APPLICABLE, sentence, 0, 0, ())
    try:
        finding = CHECKS[name](history)
    except Exception as error:  # noqa: BLE001  # any failure of a check is not a pass
        sentence = f"The check crashed with {type(error).__name__}: {error}"
        return Verdict(name, Outcome.UNKNOWN, sentence, 0, 0, ())
    return judge(name, finding)
