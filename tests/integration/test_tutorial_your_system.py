"""The tutorial docs/tutorial/your-system.md, executed from a wheel in an empty folder.

The page is the test: files are written and commands are executed as the page shows them, in its
order. Only the installation is that of the fixture, and the port is a free one.
"""

import contextlib
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gauntlet.stacks.free_port import free_port

from .test_installed_wheel import ROOT, installed

__all__ = ["installed"]  # a fixture

pytestmark = [pytest.mark.integration, pytest.mark.ci]

PAGE = (ROOT / "docs" / "tutorial" / "your-system.md").read_text()
PORT = "18883"
LEFT_OUT = "…"
INSTALLATION = ["python3 -m venv venv", ". venv/bin/activate", "pip install 'im-gauntlet[charts]'"]
# The slow part begins here: it restarts the broker under load.
SLOW_PART = "\n## 5 "
TIMEOUT_S = 300.0


class File(NamedTuple):
    """A file that the reader writes."""

    name: str
    content: str


class Command(NamedTuple):
    """A command, the output that the page shows, and the exit code that it must have."""

    text: str
    output: str
    code: int = 0


def blocks(page: str) -> Iterator[File | Command]:
    """Yield what the reader does, in the order of the page."""
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        if language == "console":
            yield from commands(text)
        else:
            name = re.match(r"# (\S+)\n", text)
            assert name, f"a block does not begin with the name of its file: {text[:80]}"
            yield File(name[1], text)


def commands(text: str) -> Iterator[Command]:
    """Yield the commands of a block; `echo $?` states the exit code of the one before it."""
    found: list[Command] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        if command == "echo $?":
            found[-1] = found[-1]._replace(code=int(output))
        else:
            found.append(Command(command, output))
    yield from found


def words_of(text: str) -> str:
    """Return a text with single spaces: the widths of tables and lines depend on the terminal."""
    return " ".join(text.split())


def shows(output: str, expected: str) -> bool:
    """Return whether an output is what the page shows; `…` stands for any text."""
    parts = [re.escape(part.strip()) for part in words_of(expected).split(LEFT_OUT)]
    return re.fullmatch(".*".join(parts), words_of(output)) is not None


@pytest.fixture
def reader(tmp_path, installed, require_service):
    """`reader(page)` does what a page says; the broker that it starts is stopped at the end."""
    require_service("mosquitto")
    tools = tmp_path / "bin"
    tools.mkdir()
    start = '-P -c "import sys; from gauntlet.cli.main import main; sys.exit(main())"'
    (tools / "gauntlet").write_text(f'#!/bin/sh\nexec {installed.python} {start} "$@"\n')
    (tools / "gauntlet").chmod(0o755)
    folder = tmp_path / "empty"
    folder.mkdir()
    path = os.pathsep.join([str(tools), str(installed.bin), os.environ["PATH"], "/usr/sbin"])

    def follow(page: str) -> None:
        for step in blocks(page.replace(PORT, str(free_port()))):
            if isinstance(step, File):
                (folder / step.name).write_text(step.content)
            elif step.text not in INSTALLATION:
                shell = ("bash", "-c", step.text)
                done = installed.run(*shell, cwd=folder, timeout_s=TIMEOUT_S, PATH=path)
                output = done.stdout + done.stderr
                assert done.returncode == step.code, f"{step.text}\n{output}"
                if step.output:
                    assert shows(output, step.output), f"{step.text}\n{output}\n{step.output}"

    yield follow
    stop_broker(folder / "mosquitto.pid")


def stop_broker(pid_file: Path) -> None:
    """End the broker that a page started and did not stop."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int(pid_file.read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("page", "verdicts"),
    [
        pytest.param(PAGE.partition(SLOW_PART)[0], 2, id="to-the-network"),
        pytest.param(PAGE, 5, id="whole", marks=pytest.mark.full),
    ],
)
@pytest.mark.timeout(1200)
def test_the_page_can_be_followed_from_an_empty_folder(reader, page, verdicts):
    assert len(re.findall(r"^(?:PASS|FAIL)  exit \d$", page, re.MULTILINE)) == verdicts
    reader(page)


def test_an_output_that_differs_from_the_page_is_noticed():
    shown = " undelivered  ✔ valid  200\n…\nPASS  exit 0\n"
    real = "undelivered ✔ valid 200 \n x\nPASS exit 0\n"
    assert shows(real, shown)
    assert not shows(real.replace("valid 200", "valid 199"), shown)
    assert not shows(real.replace("PASS exit 0", "FAIL exit 1"), shown)


def test_the_replaced_installation_is_that_of_the_page():
    texts = [step.text for step in blocks(PAGE) if isinstance(step, Command)]
    assert texts[: len(INSTALLATION)] == INSTALLATION
    assert shutil.which("openssl")
