"""The pytest fixture `im_history`: what a test records of a chat system is judged at its end.

pytest imports this file at every start, so that it imports nothing but pytest itself; the judge is
imported when a test has recorded something. docs/howto/judge-in-pytest.md describes the fixture.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gauntlet.reports.interchange.recorder import Recorder


@pytest.fixture
def im_history(tmp_path: Path) -> "Iterator[Recorder]":
    """Record sends, answers, deliveries and reads; a violated check fails the test at its end."""
    from gauntlet.reports.interchange.recorder import Recorder

    recorder = Recorder(tmp_path, time.time_ns)
    yield recorder
    recorder.close()
    if not recorder.is_empty and (failure := judge(recorder)):
        pytest.fail(failure, pytrace=False)


def judge(recorder: "Recorder") -> str:
    """Return why the history fails the test, empty if it does not."""
    from gauntlet.core.errors import GauntletError
    from gauntlet.reports.interchange.importing import import_history
    from gauntlet.reports.verdict.judge import judge as judge_run

    try:
        run = import_history(str(recorder.file), recorder.folder / "im-history", ["pytest"])
    except GauntletError as error:
        return f"The recorded history is invalid: {error}"
    result: dict[str, Any] = judge_run(run)
    if result["verdict"]["exit_code"] == 0:
        return ""
    reasons = "\n".join(f"  {reason}" for reason in result["verdict"]["reasons"])
    status = result["verdict"]["status"]
    return f"The recorded history: {status}\n{reasons}\nThe history is in {recorder.file}"
