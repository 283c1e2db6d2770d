"""Tutorials as tests: a reader writes the files of a page and runs its commands, in its order."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorial"
LEFT_OUT = "…"
# Blocks that show something, and neither a file nor commands to follow.
SHOWN = ("bash", "text")
START = '-P -c "import sys; from gauntlet.cli.main import main; sys.exit(main())"'
COLUMNS = "100"  # as wide as the outputs of the pages

Shell = Callable[[str], subprocess.CompletedProcess[str]]


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
        elif language not in SHOWN:
            name = re.match(r"# (\S+)\n", text)
            assert name, f"a block does not begin with the name of its file: {text[:80]}"
            yield File(name[1], text)


def commands(text: str) -> Iterator[Command]:
    """Yield the commands of a block; `echo $?` states the exit code of the one before it.

    A command goes on in the next line if its line ends with a backslash.
    """
    found: list[Command] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        match = re.match(r"((?:.*\\\n)*.*)\n?", part)
        assert match
        command, output = match[1], part[match.end() :]
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


def follow(page: str, folder: Path, shell: Shell, left_out: Collection[str] = ()) -> None:
    """Do what a page says in a folder; commands that are left out need not be run."""
    for step in blocks(page):
        if isinstance(step, File):
            (folder / step.name).write_text(step.content)
        elif step.text not in left_out:
            done = shell(step.text)
            output = done.stdout + done.stderr
            assert done.returncode == step.code, f"{step.text}\n{output}"
            if step.output:
                assert shows(output, step.output), f"{step.text}\n{output}\n{step.output}"


def add_command(folder: Path, python: str) -> Path:
    """Create the command `gauntlet` of an interpreter in a folder; return the folder."""
    folder.mkdir()
    (folder / "gauntlet").write_text(f'#!/bin/sh\nexec {python} {START} "$@"\n')
    (folder / "gauntlet").chmod(0o755)
    return folder


def shell_in(folder: Path, tools: Path, timeout_s: float) -> Shell:
    """Return a shell that runs the commands of this tree in a folder."""
    add_command(tools, sys.executable)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "COLUMNS": COLUMNS,
    }

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ("bash", "-c", command),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return run
