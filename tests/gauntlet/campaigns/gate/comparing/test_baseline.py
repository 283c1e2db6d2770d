"""Stored baselines: what is read, and what is refused."""

import hashlib
import json

import msgspec
import pytest

from gauntlet.campaigns.gate.comparing import baseline
from gauntlet.campaigns.gate.outcome import FILE, Verdict
from gauntlet.core.errors import ConfigError

from ..example import gate, run

MACHINE = {"cores": 2, "memory_mb": 8000}
NAME = "delivery_p50_ms@steady"


@pytest.fixture
def store(tmp_path):
    def store(found=None, folder="one", **changes):
        plain = msgspec.to_builtins(found or gate(**changes))
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / FILE).write_text(json.dumps(plain))
        return tmp_path

    return store


def read(folder, digests=None, machine=MACHINE):
    return baseline.read(folder, machine, digests or {"steady": "abc"})


def test_every_gate_below_the_folder_is_a_session(store):
    store(runs=(run(), run(number=2, values={NAME: 11.0}), run("reference", values={NAME: 99.0})))
    folder = store(folder="two")
    found = read(folder)
    assert [session["steady", NAME] for session in found.sessions] == [[10.0, 11.0], [10.0]]


def test_the_gates_of_a_baseline_are_named(store):
    folder = store(runs=(run(), run(number=2, scenario="other"), run("reference")))
    (found,) = read(folder).gates
    file = folder / "one" / FILE
    assert (found.id, found.started, found.runs) == (gate().id, gate().started, 1)
    assert found.file == str(file)
    assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_inconclusive_run_that_was_repeated_is_not_compared(store):
    folder = store(runs=(run(), run(number=2, values={NAME: 99.0}, set_aside=True)))
    assert read(folder).sessions == [{("steady", NAME): [10.0]}]


def test_a_folder_without_a_gate_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match=r"folder with a gate\.json of an earlier gate"):
            read(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema_version": 1}', "\x00", "[" * 10_000])
def test_a_file_that_is_no_gate_is_refused(store, text):
    folder = store()
    (folder / "one" / FILE).write_text(text)
    with pytest.raises(ConfigError, match=r"must be the result of a gate"):
        read(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "calibration"},
        *({"verdict": Verdict(s, 1, ())} for s in ("fail", "error", "aborted", "inconclusive")),
    ],
)
def test_a_gate_that_did_not_pass_is_no_baseline(store, changes):
    folder = store(**changes)
    with pytest.raises(ConfigError, match="a gate that passed"):
        read(folder)
    store(folder="two", verdict=Verdict("warn", 0, ()))
    assert len(read(folder).gates) == 1


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_schema_version_is_refused(store, version):
    folder = store()
    plain = json.loads((folder / "one" / FILE).read_text())
    (folder / "one" / FILE).write_text(json.dumps({**plain, "schema_version": version}))
    with pytest.raises(ConfigError, match="must have schema_version 1"):
        read(folder)


def test_another_machine_load_or_scenario_is_refused(store):
    with pytest.raises(ConfigError, match="another machine: cores was 2, and is 8 here"):
        read(store(), machine={"cores": 8, "memory_mb": 8000})
    with pytest.raises(ConfigError, match=r"another load, other faults, .* of steady"):
        read(store(), {"steady": "changed"})
    with pytest.raises(ConfigError, match="has no runs of tour"):
        read(store(), {"steady": "abc", "tour": "x"})


def test_values_that_no_gate_writes_are_refused(store):
    with pytest.raises(ConfigError, match="a finite number of zero or more; got -5"):
        read(store(runs=(run(values={NAME: -5}),)))


def test_a_value_that_is_no_number_is_refused(store):
    folder = store()
    file = folder / "one" / FILE
    file.write_text(file.read_text().replace("10.0", "NaN"))
    with pytest.raises(ConfigError, match="must be the result of a gate"):
        read(folder)
