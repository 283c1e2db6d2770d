"""Other installations: what is accepted, and that their server is the one that runs."""

import sys

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.stacks import installations
from gauntlet.stacks.reference import ReferenceStack


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


def test_the_cluster_is_run_by_the_other_python(other, tmp_path, monkeypatch):
    """The request that it reads has no key that an older server would not know."""
    python, log = other
    monkeypatch.setenv("PYTHONPATH", "/hostile")
    code = "import sys; sys.stdout.write(sys.stdin.readline())"
    (tmp_path / "python").write_text(
        f"#!/bin/sh\necho \"$PYTHONPATH|$*\" >> {log}\nexec {sys.executable} -c '{code}'\n"
    )
    request = {"stack": "embedded", "data_dir": "d", "log_dir": str(tmp_path)}
    stack = ReferenceStack({**request, "python": python}, lambda _event: None)
    try:
        assert stack._lines.get(timeout=20) == request
    finally:
        stack.stop()
    assert log.read_text() == "|-P -m gauntlet.reference_server.cluster\n"
