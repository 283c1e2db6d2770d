"""The preloaded library shifts the wall clock of a process, and nothing else."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gauntlet.chaos.clocks import library
from gauntlet.chaos.clocks.clock_file import ClockFile
from gauntlet.core.errors import StackError

HOUR_S = 3600.0
# Answers each line on standard input with the clocks; `fork` lets a child answer.
PROGRAM = """
import json, os, sys, time
for line in sys.stdin:
    if line.strip() == "fork" and os.fork():
        os.wait()
        continue
    clocks = (time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME)
    print(json.dumps([time.clock_gettime(clock) for clock in clocks]), flush=True)
    if line.strip() == "fork":
        os._exit(0)
"""


@pytest.fixture
def built(tmp_path):
    """The path of the library."""
    if reason := library.unavailable():
        pytest.skip(reason)
    return library.build(tmp_path)


@pytest.fixture
def process(built, tmp_path):
    """A running process and its clock; `ask(line)` returns how far three of its clocks are off."""
    clock = ClockFile(tmp_path / "clock")
    environ = {**os.environ, **library.environment(built, clock)}
    command = [sys.executable, "-I", "-S", "-c", PROGRAM]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
    ) as child:

        def ask(line="ask"):
            child.stdin.write(f"{line}\n")
            child.stdin.flush()
            found = json.loads(child.stdout.readline())
            clocks = (time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME)
            pairs = zip(found, map(time.clock_gettime, clocks), strict=True)
            return [theirs - ours for theirs, ours in pairs]

        yield clock, ask
        child.kill()


@pytest.mark.parametrize("offset_s", [HOUR_S, -HOUR_S])
def test_the_wall_clock_jumps_while_the_process_runs_and_jumps_back(process, offset_s):
    """Monotonic clocks go on. Only shifted readings are counted."""
    clock, ask = process
    assert ask() == pytest.approx([0, 0, 0], abs=20)
    assert clock.readings() == 0
    clock.shift(offset_s)
    assert ask() == pytest.approx([offset_s, 0, 0], abs=20)
    counted = clock.readings()
    assert counted > 0
    clock.shift(0.0)
    assert ask() == pytest.approx([0, 0, 0], abs=20)
    assert clock.readings() == counted


def test_a_clock_that_drifts_gains_more_and_more(process):
    clock, ask = process
    clock.shift(0.0, 1000.0)
    time.sleep(0.2)
    first, second = ask()[0], ask()[0]
    assert 150 < first < second


def test_a_child_that_is_forked_later_has_the_same_clock(process):
    clock, ask = process
    clock.shift(HOUR_S)
    assert ask("fork")[0] == pytest.approx(HOUR_S, abs=20)


def test_a_writer_that_died_in_between_does_not_stop_a_reader(process):
    """The version stays odd."""
    clock, ask = process
    clock.shift(HOUR_S)
    with clock.path.open("r+b") as file:
        file.write(b"\x03")
    assert ask()[0] == pytest.approx(HOUR_S, abs=20)


def test_programs_that_ask_in_other_ways_see_the_shift_too(built, tmp_path):
    """`date` uses clock_gettime, and perl's time and gettimeofday their own functions."""
    clock = ClockFile(tmp_path / "clock")
    clock.shift(-HOUR_S)
    environ = {**os.environ, **library.environment(built, clock)}
    shown = subprocess.run(["date", "+%s"], env=environ, capture_output=True, check=True).stdout
    assert float(shown) == pytest.approx(time.time() - HOUR_S, abs=20)


def test_what_is_preloaded_already_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("LD_PRELOAD", "/lib/other.so")
    clock = ClockFile(tmp_path / "c")
    variables = library.environment(Path("/x/wall_clock.so"), clock)
    assert variables == {
        "LD_PRELOAD": "/x/wall_clock.so:/lib/other.so",
        "GAUNTLET_WALL_CLOCK": str(tmp_path / "c"),
    }


def test_without_a_compiler_the_reason_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(library, "COMPILERS", ("no-such-compiler",))
    with pytest.raises(StackError, match=r"no C compiler \(no-such-compiler\).*apt-get install"):
        library.build(tmp_path)
    assert "no C compiler" in library.unavailable()


def test_other_systems_than_linux_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(StackError, match="64-bit Linux only"):
        library.build(tmp_path)


def test_a_compiler_that_fails_is_reported_with_its_last_words(monkeypatch, tmp_path):
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho 'time.h: no such file' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(library, "COMPILERS", (str(compiler),))
    with pytest.raises(StackError, match=r"cannot be built: time\.h: no such file"):
        library.build(tmp_path)


def test_a_library_without_effect_is_not_used(monkeypatch, tmp_path):
    """For example because the system ignores what is to be preloaded."""
    compiler = tmp_path / "cc"
    compiler.write_text('#!/bin/sh\nprintf "" > "$5"\n')
    compiler.chmod(0o755)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(library, "COMPILERS", (str(compiler),))
    with pytest.raises(StackError, match="does not see a shifted wall clock: False True"):
        library.build(tmp_path)
