"""What tells seeded bugs of the reference server apart in the records of a campaign."""

import hashlib
from pathlib import Path

from gauntlet.core.errors import ConfigError


def identity_of(bug: str) -> str:
    """Return the name of a bug, or the digest of its file, whose content may change.

    `bug` is the value of `--bug`, or empty. ConfigError if it is a file that cannot be read.
    """
    if not bug.endswith(".py"):
        return bug
    try:
        return hashlib.sha256(Path(bug).read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"--bug must be a readable Python file; {bug}: {error}") from error
