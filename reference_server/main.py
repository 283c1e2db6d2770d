"""One server process: `python -P -m gauntlet.reference_server.main`, configured on standard input.

The configuration is read before anything else is imported, because it decides which build of the
server's modules can be used: start-up hooks replace functions and methods, and those of an
extension module cannot be replaced.
"""

import os
import sys

import msgspec

from gauntlet.builds import SERVER

HOOKED = "start-up hooks replace parts of it"


class _Hooks(msgspec.Struct):
    startup_hooks: dict[str, tuple[str, ...]] = {}


def _read_line() -> bytes:
    """Read the first line of standard input, and nothing after it."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def _has_hooks(line: bytes) -> bool:
    try:
        return bool(msgspec.json.decode(line, type=_Hooks).startup_hooks)
    except msgspec.MsgspecError:
        return False  # the process reports what is wrong with its configuration


def main() -> int:
    """Run one process of the server; return 4 if its configuration is invalid, else 0."""
    from gauntlet.reference_server.core.exit_with_parent import kill_with_parent

    kill_with_parent()
    line = _read_line()
    if _has_hooks(line):
        SERVER.use_sources(HOOKED)
    from gauntlet.reference_server import process

    return process.run(line)


if __name__ == "__main__":
    sys.exit(main())
