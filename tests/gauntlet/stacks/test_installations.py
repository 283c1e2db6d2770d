"""Other installations: what is accepted, and that their server is the one that runs."""

import sys

import msgspec
import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.stacks import installations
from gauntlet.stacks.installations import Installation
from gauntlet.stacks.reference import ReferenceStack

READY = {"control": "http://127.0.0.1:1", "token": "t", "api": []}


@pytest.fixture
def other(tmp_path):
    """Return an interpreter that is this one, and writes its arguments and PYTHONPATH to a file."""
    python, log = tmp_path / "python", tmp_path / "log"
    python.write_text(
        f'#!/bin/sh\necho "$PYTHONPATH|$*" | head -n 1 >> {log}\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    return str(python), log


def test_the_version_is_that_of_the_other_python(other, monkeypatch):
    python, log = other
    monkeypatch.setenv("PYTHONPATH", "/hostile")
    assert installations.version_of(python)[0].isdigit()
    assert log.read_text().startswith("|-P -c")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "must be a Python that can be run"),
        ("#!/bin/sh\necho no module >&2; exit 1\n", "im-gauntlet installed: no module"),
        ("#!/bin/sh\nexit 1\n", "im-gauntlet installed: it printed nothing"),
        ("#!/bin/sh\necho no json\n", "must be a Python that can be run"),
        (
            """#!/bin/sh\necho '{"version": "0.0.9", "missing": "No module named x"}'\n""",
            "has im-gauntlet 0.0.9, whose server cannot be booted by this version: No module",
        ),
    ],
)
def test_a_python_without_the_server_is_refused(tmp_path, content, message):
    python = tmp_path / "python"
    if content is not None:
        python.write_text(content)
        python.chmod(0o755)
    with pytest.raises(ConfigError, match=message):
        installations.check(str(python), "embedded")


def test_only_stacks_of_the_reference_server_have_another_installation():
    with pytest.raises(ConfigError, match="got external"):
        installations.check(sys.executable, "external")


def test_a_release_whose_server_is_elsewhere_says_so(monkeypatch):
    code = installations._CODE.replace(installations._MODULE, "gauntlet.no_such_server")
    monkeypatch.setattr(installations, "_CODE", code)
    with pytest.raises(ConfigError, match=r"by this version: No module named .*no_such_server"):
        installations.installation(sys.executable)


def test_this_version_knows_all_keys_of_its_own_requests():
    found = installations.installation(sys.executable)
    assert {"stack", "trail_dir", "standbys"} < set(found.request)
    assert found.advertisement == ("advertise", "disks", "environment")


OLD = Installation("0.0.9", ("stack", "data_dir", "log_dir"), ("advertise",))


def test_an_older_server_is_not_told_what_it_does_not_know_and_does_not_need():
    request = {"stack": "full", "data_dir": "d", "trail_dir": "t", "standbys": []}
    assert OLD.requested(request) == {"stack": "full", "data_dir": "d"}
    message = {"advertise": {"a": "b"}, "disks": {}, "environment": {}}
    assert OLD.advertised(message) == {"advertise": {"a": "b"}}


def test_a_scenario_that_needs_what_an_older_server_does_not_know_is_refused():
    """Without it, the fault would not act, and the versions would not be compared."""
    with pytest.raises(ConfigError, match=r"im-gauntlet 0\.0\.9, .* does not know 'standbys'"):
        OLD.requested({"stack": "full", "standbys": ["registry"]})
    with pytest.raises(ConfigError, match="does not know 'disks'"):
        OLD.advertised({"advertise": {}, "disks": {"users-db": "/disk"}})


def test_the_cluster_of_an_older_installation_reads_only_the_keys_that_it_knows(
    tmp_path, monkeypatch
):
    """The other Python prints what it is asked, and then every line that it reads."""
    python, log = tmp_path / "python", tmp_path / "log"
    printed = msgspec.json.encode(OLD).decode()
    code = "import sys; [print(line, end='', flush=True) for line in sys.stdin]"
    python.write_text(
        f'#!/bin/sh\necho "$PYTHONPATH|$1 $2" >> {log}\n'
        f"if [ $2 = -c ]; then echo '{printed}'; else exec {sys.executable} -c \"{code}\"; fi\n"
    )
    python.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", "/hostile")
    request = {"stack": "embedded", "data_dir": "d", "log_dir": str(tmp_path)}
    more = {"python": str(python), "trail_dir": "t", "config": {}}
    stack = ReferenceStack({**request, **more}, lambda _event: None)
    try:
        assert stack._lines.get(timeout=20) == request
        monkeypatch.setattr(stack, "_expect", lambda _key: READY)
        stack.start({"client>edge": "127.0.0.1:1"})
        assert stack._lines.get(timeout=20) == {"advertise": {"client>edge": "127.0.0.1:1"}}
    finally:
        stack.stop()
    assert log.read_text() == "|-P -c\n|-P -m\n"
