"""The entry point of `gauntlet`: parse, call the command, turn errors into exit codes."""

import errno
import sys
import traceback
from collections.abc import Sequence

from gauntlet.cli import output
from gauntlet.cli.arguments import build_parser
from gauntlet.cli.commands import COMMANDS
from gauntlet.core.errors import Exit, GauntletError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    with output.broken_pipes_ignored():
        return _main(sys.argv[1:] if argv is None else list(argv))


def _main(arguments: list[str]) -> int:
    try:
        options = build_parser(COMMANDS).parse_args(arguments)
        options.argv = ["gauntlet", *arguments]
        code = int(options.call(options))
    except GauntletError as error:
        _print_error(error)
        return int(error.exit_code)
    except OSError as error:
        _print_os_error(error)
        # Only a name that a user has given is too long.
        return int(Exit.CONFIG if error.errno == errno.ENAMETOOLONG else Exit.HARNESS)
    except KeyboardInterrupt:  # outside of a run; a run handles its own interrupts
        sys.stderr.write("gauntlet: stopped\n")
        return int(Exit.INTERRUPTED)
    except Exception:  # noqa: BLE001 - Python would exit with 1, which means "a check failed" here
        traceback.print_exc()
        return int(Exit.HARNESS)
    return code


def _print_os_error(error: OSError) -> None:
    """Print one line if the error is about a file or a full disk; others are defects."""
    if error.errno in _NO_SPACE:
        where = f": {error.filename}" if error.filename else ""
        sys.stderr.write(f"gauntlet: the disk is full ({error.strerror}{where})\n")
    elif error.filename is not None:
        names = [name for name in (error.filename, error.filename2) if name is not None]
        reason = (error.strerror or str(error)).lower()
        sys.stderr.write(f"gauntlet: {' and '.join(map(str, names))}: {reason}\n")
    else:
        traceback.print_exc()


def _print_error(error: GauntletError) -> None:
    notes = getattr(error, "__notes__", [])
    sys.stderr.write("\n".join([f"gauntlet: {error}", *notes]) + "\n")
