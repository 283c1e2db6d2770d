"""Each fuzzer finds nothing in a few inputs, and finds a defect that is put in.

These are few inputs; `python -m benchmarks.fuzzing` tries many. A defect that it found becomes a
test of the code.
"""

import socket
import threading
from itertools import count

import msgspec
import pytest

from benchmarks.fuzzing.frames import Frames
from benchmarks.fuzzing.http_requests import HttpRequests
from benchmarks.fuzzing.proxy_calls import ProxyCalls
from benchmarks.fuzzing.run_directories import RunDirectories
from benchmarks.fuzzing.scenario_files import ScenarioFiles
from benchmarks.fuzzing.session import Session
from benchmarks.fuzzing.target import Wrong
from gauntlet.core.scenario import loader
from gauntlet.reference_server.core import wire
from gauntlet.reference_server.http.messages import Request

# mqtt5 reports a UnicodeDecodeError before it panics.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def first_defect(tmp_path):
    """Try the inputs of a target up to a number; return the first defect."""
    opened = []

    def find(make, inputs):
        target = make()
        opened.append(target)
        session = Session("test", target, 1, tmp_path / "fuzz.jsonl", None)
        defects = (session.defect_of(number) for number in range(inputs))
        return next((each for each in defects if each is not None), None)

    yield find
    for target in opened:
        target.close()


@pytest.mark.parametrize(
    ("make", "inputs"),
    [(Frames, 400), (HttpRequests, 60), (ScenarioFiles, 25), (RunDirectories, 12)],
)
def test_a_few_inputs_show_no_defect(first_defect, make, inputs):
    assert first_defect(make, inputs) is None


@pytest.mark.integration
def test_a_few_calls_of_the_fault_proxy_show_no_defect(first_defect):
    assert first_defect(ProxyCalls, 10) is None


def test_a_frame_that_raises_another_error_is_found(first_defect, monkeypatch):
    monkeypatch.setattr(wire, "_INVALID", (msgspec.DecodeError,))
    defect = first_defect(Frames, 600)
    assert defect.error.endswith("in reference_server/core/wire.py:decode_batch")


def test_a_scenario_that_raises_another_error_is_found(first_defect, monkeypatch):
    monkeypatch.setattr(loader, "_located", lambda *_: {}["no message"])
    assert first_defect(ScenarioFiles, 150).error.startswith("KeyError in")


def test_a_request_that_raises_is_found(first_defect, monkeypatch):
    def unchecked(request, name, default, _maximum):
        return int(request.query.get(name, default))

    monkeypatch.setattr(Request, "query_number", unchecked)
    assert first_defect(HttpRequests, 400).error.startswith(("ValueError", "OverflowError"))


def test_an_error_of_damage_that_has_no_message_for_users_is_found(first_defect, monkeypatch):
    def fail(*_):
        raise TypeError("'int' object is not iterable")

    monkeypatch.setattr(RunDirectories, "_use", fail)
    assert first_defect(RunDirectories, 1).error.startswith("TypeError")


def test_a_fault_proxy_that_fails_is_found(monkeypatch):
    """A server that answers 500 stands for the proxy."""
    target = ProxyCalls.__new__(ProxyCalls)
    with socket.create_server(("127.0.0.1", 0)) as server:
        target._api = server.getsockname()[:2]

        def answer() -> None:
            for _ in count():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(b'HTTP/1.1 500 x\r\n\r\n{"error": "boom"}')

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(Wrong, match="the proxy answers 500 boom"):
            target._call(b"GET / HTTP/1.1\r\n\r\n")
        server.shutdown(socket.SHUT_RDWR)
