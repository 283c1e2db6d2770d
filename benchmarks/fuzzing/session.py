"""Tries the inputs of a target one after another until a time has passed, and records them."""

import datetime as dt
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec

from benchmarks.fuzzing.target import Target, Wrong
from gauntlet.campaigns import record_files
from gauntlet.campaigns.fuzz_records import Defect, FuzzRecord, clean, next_input, read

PART_S = 30.0  # a record is written this often
ROOT = Path(__file__).resolve().parents[2]
_MESSAGE_CHARACTERS = 160


class Session:
    """The inputs of one target and one seed."""

    def __init__(
        self, name: str, target: Target, seed: int, file: Path, commit: str | None
    ) -> None:
        self._name, self._target, self._seed = name, target, seed
        self._file, self._commit = file, commit

    def run(self, minutes: float, say: Callable[[str], None]) -> bool:
        """Try inputs until so many minutes without a defect are recorded; return whether they are.

        The session ends at the end of a part with a defect: the code has to be corrected first.
        """
        while True:
            records = read(self._file)
            done_s = sum(each.seconds for each in clean(records, self._name))
            if done_s >= minutes * 60:
                return True
            first = next_input(records, self._name, self._seed)
            record = self._part(first, min(PART_S, minutes * 60 - done_s))
            record_files.append(self._file, record)
            say(f"{self._name}: {record.inputs} inputs from {first} in {record.seconds:.0f} s")
            for defect in record.defects:
                times = f"{defect.times} times" if defect.times > 1 else "once"
                say(f"  input {defect.input}, {times}: {defect.error}: {defect.message}")
            if record.defects:
                return False

    def _part(self, first: int, seconds: float) -> FuzzRecord:
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        defects: dict[str, Defect] = {}
        number = first
        while number == first or time.monotonic() - began_s < seconds:
            found = self.defect_of(number)
            if found is not None:
                known = defects.setdefault(found.error, found)
                times = known.times + (known is not found)
                defects[found.error] = msgspec.structs.replace(known, times=times)
            number += 1
        return FuzzRecord(
            target=self._name,
            seed=self._seed,
            first=first,
            inputs=number - first,
            seconds=round(time.monotonic() - began_s, 3),
            cpu_s=round(time.process_time() - began_cpu_s, 3),
            defects=tuple(defects.values()),
            commit=self._commit,
            date=dt.datetime.now(dt.UTC).date().isoformat(),
        )

    def try_input(self, number: int) -> None:
        """Try one input; raises the defect that it shows."""
        began_s = time.process_time()
        self._target.try_input(Random(f"{self._name}/{self._seed}/{number}"))
        spent_s = time.process_time() - began_s
        if spent_s > self._target.cpu_max_s:
            raise Wrong(f"more than {self._target.cpu_max_s:g} s of CPU time")

    def defect_of(self, number: int) -> Defect | None:
        """Return the defect that an input shows; None if there is none."""
        try:
            self.try_input(number)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - it is the result; a panic of Rust is one
            name = f"{type(error).__name__} in {_place(error)}"
            message = " ".join(str(error).split()).encode("ascii", "backslashreplace").decode()
            return Defect(number, name, message[:_MESSAGE_CHARACTERS])
        return None


def _place(error: BaseException) -> str:
    """Return the deepest place in a file of the project."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [(Path(each.filename).resolve(), each.name) for each in frames]
    own = [each for each in places if ROOT in each[0].parents and ".venv" not in each[0].parts]
    file, function = own[-1]
    return f"{file.relative_to(ROOT)}:{function}"
