"""The errors of this project, each with the exit code of a command that does not handle it."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of `gauntlet`; if several apply, the first in `PRECEDENCE` is used."""

    OK = 0
    FAILED = 1
    INTERRUPTED = 2
    HARNESS = 3
    CONFIG = 4
    INCONCLUSIVE = 5
    ROLLBACK = 6


PRECEDENCE = (
    Exit.CONFIG,
    Exit.ROLLBACK,
    Exit.FAILED,
    Exit.HARNESS,
    Exit.INTERRUPTED,
    Exit.INCONCLUSIVE,
    Exit.OK,
)


class GauntletError(Exception):
    """The base of all errors that are reported to users as one sentence, without a traceback."""

    exit_code = Exit.HARNESS


class ConfigError(GauntletError):
    """The user's input is invalid; nothing was started."""

    exit_code = Exit.CONFIG


class StackError(GauntletError):
    """A component of the system under test did not start or cannot be reached."""

    exit_code = Exit.HARNESS


class HistoryError(GauntletError):
    """A history cannot be read, or its records do not match what the load reported."""

    exit_code = Exit.HARNESS


class RollbackError(GauntletError):
    """A fault was not healed, or the heal could not be verified."""

    exit_code = Exit.ROLLBACK


class Interrupted(GauntletError):
    """The run was stopped: by a signal, or by a guard of the scenario."""

    exit_code = Exit.INTERRUPTED


def first_exit(codes: set[Exit]) -> Exit:
    """Return the one of `codes` that takes precedence; OK if there are none."""
    return next((code for code in PRECEDENCE if code in codes), Exit.OK)
