"""The image definition and the Compose files are consistent with the tree; no engine is needed."""

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from gauntlet.cli.arguments import build_complete_parser
from gauntlet.cli.commands import COMMANDS
from gauntlet.scenarios import library

from .services import missing

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
COMPOSE_FILES = (ROOT / "compose.yaml", ROOT / "docs" / "howto" / "compose.yaml")
FIXED_IMAGE = r"[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*|[a-z0-9./-]+@sha256:[0-9a-f]{64}"


class Instruction(NamedTuple):
    """An instruction of a Containerfile, with its continued lines joined."""

    name: str
    text: str


def instructions() -> list[Instruction]:
    """Return the instructions of the Containerfile."""
    lines = (ROOT / "Containerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    found = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [Instruction(name, text.strip()) for name, _, text in found]


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage, the first of which is its FROM."""
    found: list[list[Instruction]] = []
    for instruction in instructions():
        if instruction.name == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def texts(stage: list[Instruction], name: str) -> list[str]:
    """Return what the instructions of a name say."""
    return [instruction.text for instruction in stage if instruction.name == name]


def copied() -> list[str]:
    """Return the paths that are copied from the source tree."""
    return [
        path
        for stage in stages()
        for text in texts(stage, "COPY")
        if not text.startswith("--from=")
        for path in text.split()[:-1]
    ]


def is_sent(path: str) -> bool:
    """Return whether `.dockerignore` lets a file through: the last rule that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!").replace("**/", "*")
        parts = Path(path).parts
        prefixes = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        if any(fnmatch.fnmatchcase(prefix, pattern) for prefix in prefixes):
            sent = rule.startswith("!")
    return sent


def test_hadolint_reports_nothing():
    program = shutil.which("hadolint")
    if program is None:
        missing("hadolint", "hadolint is not on PATH; .ci/run installs it")
    result = subprocess.run(
        [program, "--no-color", ROOT / "Containerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_stage_has_the_same_base_of_a_fixed_version():
    bases = {texts(stage, "FROM")[0].partition(" AS ")[0] for stage in stages()}
    assert len(bases) == 1
    assert re.fullmatch(FIXED_IMAGE, bases.pop())


def test_the_python_of_the_image_is_supported():
    (version,) = set(re.findall(r"python:(\d+\.\d+\.\d+)", (ROOT / "Containerfile").read_text()))
    assert SpecifierSet(PYPROJECT["project"]["requires-python"]).contains(version)


def test_the_image_runs_as_a_user_without_rights():
    """By its number, so that an orchestrator can see that it is not root."""
    *_, final = stages()
    (user,) = texts(final, "USER")
    assert int(user) >= 1000
    created = [text for text in texts(final, "RUN") if f"useradd --uid {user} " in text]
    assert created
    names = [instruction.name for instruction in final]
    after = names[names.index("USER") + 1 :]
    assert set(after) <= {"HEALTHCHECK", "ENTRYPOINT", "CMD"}


def test_packages_come_from_the_lock_with_their_hashes():
    installs = [text for stage in stages() for text in texts(stage, "RUN") if "pip install" in text]
    assert len(installs) == 2
    locked, project = installs
    assert "--require-hashes" in locked
    assert (ROOT / re.findall(r"-r (\S+)", locked)[0]).is_file()
    assert {"--no-index", "--no-deps", "--no-build-isolation"} <= set(project.split())


def test_the_image_holds_no_package_lists_and_nothing_is_downloaded_by_address():
    text = (ROOT / "Containerfile").read_text()
    for stage in stages():
        assert not texts(stage, "ADD")
        for run in texts(stage, "RUN"):
            assert not re.search(r"\b(curl|wget|sudo)\b", run)
            if "apt-get install" in run:
                assert "apt-get update" in run
                assert "--no-install-recommends" in run
                assert "rm -rf /var/lib/apt/lists/*" in run
    assert ":latest" not in text


def test_what_is_copied_exists_and_is_sent_to_the_builder(tracked_files):
    tracked = {str(name) for name in tracked_files}
    for path in copied():
        files = [name for name in tracked if name == path or name.startswith(f"{path}/")]
        assert files, path
        assert all(map(is_sent, files)), path


def test_the_image_gets_every_package_that_is_installed():
    folders = {folder.split(".")[0] for folder in PYPROJECT["tool"]["setuptools"]["package-dir"]}
    mapped = set(PYPROJECT["tool"]["setuptools"]["package-dir"].values())
    assert mapped | folders <= set(copied())


@pytest.mark.parametrize(
    "path", [".git/config", "runs/x/result.json", ".venv/bin/python", "tests/test_docs.py", ".env"]
)
def test_nothing_else_is_sent_to_the_builder(path):
    assert not is_sent(path)


def execute(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the image with this interpreter's installation."""
    assert command[0] == "gauntlet"
    return subprocess.run(
        [sys.executable, "-P", "-m", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_health_check_and_the_default_command_work():
    *_, final = stages()
    (health,), (entry,), (default,) = (
        texts(final, name) for name in ("HEALTHCHECK", "ENTRYPOINT", "CMD")
    )
    check = json.loads(health.partition(" CMD ")[2])
    done = execute(check)
    assert (done.returncode, done.stderr) == (0, "")
    assert PYPROJECT["project"]["version"] in done.stdout
    done = execute([*json.loads(entry), *json.loads(default)])
    assert done.returncode == 0
    assert "usage: gauntlet" in done.stdout


def services():
    """Return each service of the Compose files with its file."""
    return [
        pytest.param(file, service, id=f"{file.parent.name}-{name}")
        for file in COMPOSE_FILES
        for name, service in yaml.safe_load(file.read_text())["services"].items()
    ]


@pytest.mark.parametrize(("file", "service"), services())
def test_a_service_is_built_from_the_tree_and_confined(file, service):
    context = (file.parent / service["build"]["context"]).resolve()
    assert context == ROOT
    assert (context / service["build"]["dockerfile"]).is_file()
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["init"] is True
    assert not {"privileged", "ports", "cap_add"} & service.keys()


@pytest.mark.parametrize(("file", "service"), services())
def test_temporary_files_are_on_a_volume_and_not_in_memory(file, service):
    """The part of a run that a worker has not sent yet grows as long as the load lasts."""
    folder = service["environment"]["TMPDIR"]
    assert folder in service["volumes"], file
    assert not any(Path(folder).is_relative_to(mounted) for mounted in service["tmpfs"])
    assert folder == "/var/tmp"  # which every user may write to, and a new volume as well


def test_the_composed_tour_runs_a_scenario_without_a_network():
    (service,) = yaml.safe_load(COMPOSE_FILES[0].read_text())["services"].values()
    options = build_complete_parser(COMMANDS).parse_args(shlex.split(service["command"]))
    assert options.scenario in library.names()
    assert service["network_mode"] == "none"
    (workdir,) = texts(stages()[-1], "WORKDIR")
    assert f"./runs:{workdir}/runs" in service["volumes"]


def test_the_extras_of_the_page_are_those_of_the_distribution():
    page = (ROOT / "docs" / "howto" / "install.md").read_text()
    extras = PYPROJECT["project"]["optional-dependencies"]
    described = dict(re.findall(r"^\| `([\w-]+)` \| (.*?) \|", page, re.MULTILINE))
    assert described.keys() == extras.keys() - {"test"}
    for extra in ("charts", "parquet", "postgres"):
        (requirement,) = map(Requirement, extras[extra])
        assert requirement.name in described[extra]
    named = {
        name for text in re.findall(r"im-gauntlet\[([\w,-]+)\]", page) for name in text.split(",")
    }
    assert named <= extras.keys()
