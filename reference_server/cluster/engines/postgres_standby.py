"""Synchronous replication of PostgreSQL: a standby that has every commit that was acknowledged."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from gauntlet import postgres_memory
from gauntlet.reference_server.cluster.engines.pair import Pair
from gauntlet.reference_server.cluster.engines.private_files import write_private
from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.supervision.process import ChildProcess
from gauntlet.reference_server.cluster.topology.errors import StartError

_MARKER = "standby.signal"
_SETTINGS_FILE = "postgresql.auto.conf"
_PROMOTE_TIMEOUT_S = 10


class Node:
    """One of two servers; the other one may be its primary or its standby."""

    def __init__(
        self, name: str, binaries: Path, data: Path, server: LaunchSpec, user: str, password: str,
        pair: Pair,
    ) -> None:  # fmt: skip
        self._name = name
        self._binaries = binaries
        self._data = data
        self._server = server
        self._user = user
        self._password = password
        self._pair = pair

    def launch_spec(self) -> LaunchSpec:
        """Return the server, which becomes what it has to be before every start."""
        return replace(
            self._server, prepare=partial(self._prepare, self._server), promote=self._promote
        )

    async def _prepare(self, server: LaunchSpec) -> None:
        if self._pair.is_primary(self._name):
            await server.prepare()
            # Only the settings of this file can change between two starts.
            synchronous = "" if self._pair.promoted else "*"
            self._configure(f"synchronous_standby_names = '{synchronous}'\n")
        else:
            await self._copy()
            host, port = self._pair.source(self._name)
            self._configure(
                f"primary_conninfo = 'host={host} port={port} user={self._user} "
                f"password={self._password} application_name={self._name}'\n"
            )
            write_private(self._data / _MARKER, "", self._server.uid)

    async def _copy(self) -> None:
        """Take a copy of the primary, in place of what an earlier primary may have written."""
        # PostgreSQL does not recognise the memory of a killed server from a new folder.
        postgres_memory.remove(self._data, 0.0)
        shutil.rmtree(self._data, ignore_errors=True)
        host, port = self._pair.source(self._name)
        copying = replace(self._server, env={**self._server.env, "PGPASSWORD": self._password})
        source = ("-h", host, "-p", str(port), "-U", self._user)
        await self._run(
            ("pg_basebackup", "-D", str(self._data), *source, "-c", "fast", "--no-sync"), copying
        )
        self._data.with_name("initialised").touch()

    async def _promote(self) -> None:
        """Let a standby accept writes; StartError if it does not in time, but still may later."""
        # Noted first: pg_ctl does not withdraw a promotion that takes too long.
        self._pair.promote(self._name)
        options = ("-D", str(self._data), "-w", "-t", str(_PROMOTE_TIMEOUT_S))
        await self._run(("pg_ctl", "promote", *options), self._server)

    def _configure(self, settings: str) -> None:
        write_private(self._data / _SETTINGS_FILE, settings, self._server.uid)

    async def _run(self, argv: tuple[str, ...], launch: LaunchSpec) -> None:
        program, *arguments = argv
        child = await ChildProcess.spawn((str(self._path_of(program)), *arguments), launch)
        try:
            status = await child.wait()
        finally:
            await child.kill()
        if status:
            raise StartError(
                self._name, f"{program} ended with exit code {status}", self._server.log
            )

    def _path_of(self, program: str) -> Path:
        """Return the path of a program, which lies beside initdb or beside what that links to."""
        beside = self._binaries / program
        linked = (self._binaries / "initdb").resolve().with_name(program)
        return beside if beside.exists() else linked
