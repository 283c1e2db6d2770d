"""Typed errors, each with the exit code of a command that does not handle it."""

from enum import IntEnum


class Exit(IntEnum):
    """What `gauntlet` ends with; the first that applies, in the order of `PRECEDENCE`."""

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
    """The base of all our errors: one sentence for the user, one exit code for the machine."""

    exit_code = Exit.HARNESS


class ConfigError(GauntletError):
    """The user's input cannot be used; nothing was started."""

    exit_code = Exit.CONFIG


class StackError(GauntletError):
    """A component of the system under test did not start or cannot be reached."""

    exit_code = Exit.HARNESS


class HistoryError(GauntletError):
    """A history cannot be read or does not reconcile."""

    exit_code = Exit.HARNESS


class RollbackError(GauntletError):
    """A fault was not healed, or its healing could not be verified."""

    exit_code = Exit.ROLLBACK


class Interrupted(GauntletError):
    """The user, or the system, asked us to stop."""

    exit_code = Exit.INTERRUPTED


def first_exit(codes: set[Exit]) -> Exit:
    """The exit code that wins when several apply."""
    return next((code for code in PRECEDENCE if code in codes), Exit.OK)
