"""Runs in which pages of history, or the audit, may omit something."""

from ..small_runs import SmallRun

OLD = {
    "target": {"stack": "external", "url": ["ws://127.0.0.1:9"]},
    "accounts": {"pattern": "load-{n}"},
}


def chat(*lengths, receivers=(), **scenario):
    """Return a run in which user 1 sends so many messages to each conversation."""
    run = SmallRun(*[(1, 2, 3)] * len(lengths), **scenario)
    for conv, length in enumerate(lengths, 1):
        for seq in range(1, length + 1):
            run.send(conv, seq, 2 + seq)
            run.deliver(conv, seq, 2.1 + seq, *receivers)
    return run
