"""The file by which the wall clock of one component is shifted, as `wall_clock.c` reads it."""

import struct
import time
from pathlib import Path

_SHIFT = struct.Struct("=4q")  # version, offset_ns, drift_ppb, since_ns
_READINGS = struct.Struct("=q")
SIZE = _SHIFT.size + _READINGS.size


class ClockFile:
    """How far one component's wall clock is off, and how often the component has seen that.

    The component may run as another user and has to count its readings, so the file is writable for
    all. It lies in a folder whose name other users cannot find out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(SIZE))
        path.chmod(0o666)
        self._version = 0

    def shift(self, offset_s: float, drift: float = 0.0) -> None:
        """Let the clock be off by `offset_s`, and from now on by `drift` seconds more each second.

        A reader repeats a reading during which the version was odd, or has changed.
        """
        fields = round(offset_s * 1e9), round(drift * 1e9), time.monotonic_ns()
        self._version += 2
        with self.path.open("r+b", buffering=0) as file:
            file.write(struct.pack("=q", self._version - 1))
            file.seek(0)
            file.write(_SHIFT.pack(self._version - 1, *fields))
            file.seek(0)
            file.write(struct.pack("=q", self._version))

    def readings(self) -> int:
        """Return how often the component was given a shifted time."""
        with self.path.open("rb") as file:
            file.seek(_SHIFT.size)
            (count,) = _READINGS.unpack(file.read(_READINGS.size))
        return int(count)
