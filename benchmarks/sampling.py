"""A start-up hook for server processes that samples their CPU time as collapsed stacks.

A timer that counts only CPU time interrupts the process. At its end, the process writes a line for
each sampled stack: `outer;inner count` (the format of B. Gregg's flame graphs).
"""

import atexit
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

FOLDER = "BENCHMARK_PROFILE"  # environment variable
INTERVAL_S = 0.002


def install() -> None:
    """Start sampling."""
    stacks: Counter[str] = Counter()

    def sample(_number: int, frame: FrameType | None) -> None:
        stack: list[str] = []
        while frame is not None:
            stack.append(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}")
            frame = frame.f_back
        stacks[";".join(reversed(stack))] += 1

    def write() -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        lines = [f"{stack} {count}\n" for stack, count in stacks.most_common()]
        (Path(os.environ[FOLDER]) / f"{os.getpid()}.txt").write_text("".join(lines))

    atexit.register(write)
    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
