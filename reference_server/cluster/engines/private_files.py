"""Files that only their owner may read: the stores' password, and what contains it."""

import os
import secrets
from pathlib import Path

FILE_NAME = "store-password"


def store_password(data_dir: Path) -> str:
    """Return the password of the stores of one data folder; the first call chooses it.

    Any user of the machine can connect to a port on loopback, and a store that a later cluster
    opens again still has its first password.
    """
    path = data_dir / FILE_NAME
    if not path.exists() or not path.read_text():
        write_private(path, secrets.token_hex(16))
    return path.read_text()


def write_private(path: Path, text: str, owner: int | None = None) -> None:
    """Write a file with the mode 0600, of the user `owner` if it is given."""
    path.unlink(missing_ok=True)  # an existing file would keep its mode
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
        if owner is not None:
            os.fchown(file.fileno(), owner, -1)
