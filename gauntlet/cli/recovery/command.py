"""`gauntlet recover`: heals and removes what runs left behind whose process was killed."""

import argparse
import json
from dataclasses import asdict

from gauntlet.core.errors import Exit
from gauntlet.runner.recovery import recover


def run(options: argparse.Namespace) -> int:
    """Undo what is left, and print it; the exit code is 6 if something is still there."""
    outcomes = recover.recover_all(allow_exec=options.allow_exec, discard=options.discard)
    code = Exit.OK if all(outcome.done for outcome in outcomes) else Exit.ROLLBACK
    if options.json:
        rows = [asdict(outcome) for outcome in outcomes]
        print(json.dumps({"exit_code": int(code), "outcomes": rows}, indent=2))
        return code
    for outcome in outcomes:
        print(f"{'✔' if outcome.done else '✘'} {outcome.run}: {outcome.text}")
    if not outcomes:
        print("No run of this user left anything behind.")
    return code
