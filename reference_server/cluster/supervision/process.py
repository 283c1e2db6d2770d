"""One operating-system process that cannot outlive its parent; signals to its whole tree."""

import asyncio
import contextlib
import os
import pwd
from collections.abc import Sequence
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals

import psutil

from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.core.exit_with_parent import kill_with_parent


class ChildProcess:
    """A running process that leads its own session, so that Ctrl-C reaches only the harness."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def spawn(cls, argv: Sequence[str], launch: LaunchSpec) -> "ChildProcess":
        """Start `argv` with its output appended to the log; OSError if that fails.

        `launch.stdin` is written and the pipe stays open: the child sees its end when the parent
        is gone.
        """
        parent, uid = os.getpid(), launch.uid
        with launch.log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **launch.env},
                start_new_session=True,
                # Runs after the change of uid, which would clear the parent-death signal.
                preexec_fn=lambda: kill_with_parent(parent),
                user=uid,
                group=None if uid is None else pwd.getpwuid(uid).pw_gid,
                extra_groups=None if uid is None else [],
            )
        if process.stdin is not None:
            process.stdin.write(launch.stdin)
        return cls(process)

    @property
    def alive(self) -> bool:
        """Whether the process has not been reaped yet."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait for the exit status; it is negative if a signal ended the process."""
        return await self._process.wait()

    def end_input(self) -> None:
        """Close the standard input, which a process that reads all of it waits for."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def signal(self, number: Signals) -> None:
        """Signal this process only, unless it was reaped: then its pid may be another process's."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def signal_tree(self, number: Signals) -> None:
        """Signal the process and all its descendants.

        The process group is not enough: PostgreSQL's backends and Erlang's port programs leave it.
        """
        # A stopped parent starts no more children while they are listed.
        self.signal(SIGSTOP)
        for process in self._descendants():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        self.signal(number)

    async def kill(self) -> None:
        """Kill the whole tree and wait until it is gone; does nothing if it is gone already."""
        descendants = self._descendants()
        self.signal_tree(SIGKILL)
        await self.wait()
        await _gone(descendants)

    async def end(self, number: Signals, timeout_s: float) -> None:
        """Signal the process to end; after `timeout_s` seconds kill what is left of its tree.

        Descendants that outlive it are killed, too, and have ended afterwards.
        """
        if not self.alive:
            return
        descendants = self._descendants()
        self.signal_tree(SIGCONT)
        self.signal(number)
        try:
            await asyncio.wait_for(self.wait(), timeout_s)
        except TimeoutError:
            await self.kill()
        for process in descendants:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await _gone(descendants)

    def _descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True) if self.alive else []
        except psutil.NoSuchProcess:
            return []


async def _gone(processes: Sequence[psutil.Process]) -> None:
    """Wait until processes that were killed have ended."""
    while any(_is_live(process) for process in processes):
        await asyncio.sleep(0.01)


def _is_live(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
