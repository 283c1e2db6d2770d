"""Follows a JSON-lines file that another process is writing."""

import json
from pathlib import Path
from typing import Any


class Tail:
    """Reads each whole row once. A file that does not exist yet is an empty one."""

    def __init__(self, file: Path) -> None:
        self.last: dict[str, Any] | None = None
        self._file = file
        self._offset = 0

    def read_new(self) -> list[dict[str, Any]]:
        """The rows completed since the last call; the last of them stays in `last`."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                chunk = stream.read()
        except FileNotFoundError:
            return []
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._offset += len(whole)
        rows: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        if rows:
            self.last = rows[-1]
        return rows
