"""The file by which a wall clock is shifted."""

import struct
import time

from gauntlet.chaos.clocks.clock_file import SIZE, ClockFile


def content(clock):
    """The fields of the file."""
    return struct.unpack("=5q", clock.path.read_bytes())


def test_a_new_clock_is_right_and_was_not_read(tmp_path):
    clock = ClockFile(tmp_path / "c")
    assert content(clock) == (0, 0, 0, 0, 0)
    assert clock.path.stat().st_size == SIZE
    assert clock.readings() == 0


def test_a_shift_is_written_with_an_even_version_and_keeps_the_readings(tmp_path):
    clock = ClockFile(tmp_path / "c")
    with clock.path.open("r+b") as file:
        file.seek(SIZE - 8)
        file.write(struct.pack("=q", 7))
    before_ns = time.monotonic_ns()
    clock.shift(-1.5, 0.25)
    version, offset_ns, drift_ppb, since_ns, readings = content(clock)
    assert (version, offset_ns, drift_ppb, readings) == (2, -1_500_000_000, 250_000_000, 7)
    assert before_ns <= since_ns <= time.monotonic_ns()
    clock.shift(0.0)
    assert content(clock)[:3] == (4, 0, 0)
    assert clock.readings() == 7


def test_processes_of_other_users_can_count_their_readings(tmp_path):
    assert ClockFile(tmp_path / "c").path.stat().st_mode & 0o777 == 0o666
