"""The tools around the code: bootstrap, locks, services, packaging."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .services import missing

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SCRIPTS = ["tools/bootstrap.sh", "tools/install-services.sh", "tools/lock.sh", ".ci/run"]
VERBS = [
    *("install", "run", "compile", "clean-compiled", "test", "test-compiled", "test-ci"),
    *("test-full", "lint", "format", "check", "portability", "docs", "docs-site"),
    *("bench", "bench-server", "bench-load", "bench-judge", "bench-proxy"),
]
LINT_AND_UNIT_TESTS = [
    "ruff check .",
    "ruff format --check .",
    "mypy --strict --config-file ../../pyproject.toml",
    "lint-imports --no-logo --config ../../pyproject.toml",
    "pytest -m not (full or integration or contract) --numprocesses 4 --dist worksteal -x",
]
TWO_AT_A_TIME = "pytest --cache-clear --numprocesses 2 --dist worksteal"
FOLDERS = {"gauntlet", "scenarios", "chaos", "reports", "reference_server"}


def _write_program(path: Path, body: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


# --- bootstrap ---------------------------------------------------------------------------------

# Replaces uv and the programs that it would install: each call is logged as one line.
FAKE_UV = """
echo "uv $*" >> "$CALLS"
[ ! -e "$CALLS.refuse-$1" ] || exit 1
[ "$1" = venv ] || exit 0
for venv; do :; done
mkdir -p "$venv/bin"
ln -s "$REAL_PYTHON" "$venv/bin/python"
for name in ruff mypy lint-imports pytest gauntlet mkdocs; do
    printf '#!/bin/sh\\necho "%s $*" >> "$CALLS"; [ ! -e "$CALLS.refuse-%s" ]\\n' \\
        $name $name > "$venv/bin/$name"
    chmod +x "$venv/bin/$name"
done
"""


class Checkout:
    """A small copy of the project in which nothing can be downloaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.calls = folder / "calls"
        self.stubs = folder / "stubs"
        for name in ("tools/bootstrap.sh", "tools/import_tree.py", "pyproject.toml"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "gauntlet").mkdir()
        for name in ("run", "test", "docs"):
            self.edit(f"requirements/{name}.txt", "# download: about 3 packages, 7 MB\n")
        _write_program(self.stubs / "uv", FAKE_UV)

    def edit(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def refuse(self, program: str, *, refused: bool = True) -> None:
        mark = Path(f"{self.calls}.refuse-{program}")
        mark.touch() if refused else mark.unlink()

    def bootstrap(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        self.calls.write_text("")
        environment = {
            "PATH": f"{self.stubs}:/usr/bin:/bin",
            "PYTHON": sys.executable,
            "REAL_PYTHON": sys.executable,
            "CALLS": str(self.calls),
        }
        return subprocess.run(
            ["bash", "tools/bootstrap.sh", *arguments],
            cwd=self.folder,
            env=environment | extra,
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path):
    """A copy of the project for one test."""
    return Checkout(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_valid_executable_bash_and_stop_at_errors(script):
    path = ROOT / script
    subprocess.run(["bash", "-n", path], check=True)
    assert os.access(path, os.X_OK)
    assert "\nset -euo pipefail\n" in path.read_text()


@pytest.mark.parametrize("arguments", [[], ["frobnicate"]])
def test_a_wrong_or_missing_verb_is_reported_with_the_known_ones(checkout, arguments):
    result = checkout.bootstrap(*arguments)
    assert result.returncode == 2
    assert f"one of: {' '.join(VERBS)}\n" in result.stderr
    assert not checkout.called()


def test_the_makefile_has_exactly_the_verbs_of_bootstrap():
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert phony[1].split() == VERBS


def test_install_announces_the_download_and_demands_hashes(checkout):
    result = checkout.bootstrap("install")
    assert result.returncode == 0, result.stderr
    assert "about 3 packages, 7 MB" in result.stdout
    _venv, locked, project = checkout.called()
    assert "--require-hashes -r requirements/run.txt" in locked
    assert "--no-index --no-deps --no-build-isolation -e ." in project


def test_a_second_install_does_nothing(checkout):
    checkout.bootstrap("install")
    assert checkout.bootstrap("install").returncode == 0
    assert not checkout.called()


@pytest.mark.parametrize("name", ["requirements/run.txt", "pyproject.toml"])
def test_a_changed_lock_or_project_installs_again(checkout, name):
    """The .venv itself is kept."""
    checkout.bootstrap("install")
    checkout.edit(name, "# changed\n")
    checkout.bootstrap("install")
    assert [call.split()[1] for call in checkout.called()] == ["pip", "pip"]


def test_a_failed_install_is_repeated(checkout):
    checkout.refuse("pip")
    assert checkout.bootstrap("install").returncode != 0
    checkout.refuse("pip", refused=False)
    assert checkout.bootstrap("install").returncode == 0
    assert len(checkout.called()) == 2


def test_the_verb_test_runs_four_linters_and_then_all_but_the_slow_tests(checkout):
    result = checkout.bootstrap("test", "-x")
    assert result.returncode == 0, result.stderr
    assert [call for call in checkout.called() if not call.startswith("uv")] == [
        *LINT_AND_UNIT_TESTS,
        f"{TWO_AT_A_TIME} -m (integration or contract) and not (full or ci) -x",
    ]
    for step in ("ruff check", "mypy", "lint-imports", "unit tests", "tests on services"):
        assert re.search(rf"^bootstrap: {step}: \d+ s$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize(("failed", "again"), [(1, True), (12, True), (13, False)])
def test_a_few_tests_that_failed_beside_others_run_again_alone(checkout, failed, again):
    checkout.bootstrap("test")
    _write_program(
        checkout.folder / ".venv/bin/pytest",
        'echo "pytest $*" >> "$CALLS"; case "$*" in *--cache-clear*) exit 1;; esac',
    )
    names = {f"tests/test_{number}.py": True for number in range(failed)}
    checkout.edit(".pytest_cache/v/cache/lastfailed", json.dumps(names))
    result = checkout.bootstrap("test-ci")
    assert (result.returncode == 0) == again
    alone = ["pytest --last-failed --last-failed-no-failures none -m ci and not full"]
    assert checkout.called()[1:] == (alone if again else [])


def test_the_verb_check_runs_four_linters_and_then_the_unit_tests_in_parallel(checkout):
    result = checkout.bootstrap("check", "-x")
    assert result.returncode == 0, result.stderr
    called = [call for call in checkout.called() if not call.startswith("uv")]
    assert called == LINT_AND_UNIT_TESTS


def test_the_verb_format_formats_also_if_ruff_cannot_fix_everything(checkout):
    assert checkout.bootstrap("format").returncode == 0
    checkout.refuse("ruff")
    assert checkout.bootstrap("format").returncode != 0
    assert checkout.called() == ["ruff check --fix .", "ruff format ."]


def test_the_verb_run_needs_no_install_after_test(checkout):
    checkout.bootstrap("test")
    checkout.bootstrap("run", "--seed", "7")
    assert checkout.called() == ["gauntlet run tour --seed 7"]


def test_all_linters_run_although_one_fails_and_pytest_does_not_start(checkout):
    checkout.refuse("mypy")
    result = checkout.bootstrap("test")
    assert result.returncode != 0
    assert "mypy: 0 s, FAILED with exit code 1" in result.stdout
    assert checkout.called()[-1].startswith("lint-imports")


def test_the_documentation_site_is_built_in_its_own_environment(checkout):
    result = checkout.bootstrap("docs-site")
    assert result.returncode == 0, result.stderr
    venv, locked, built = checkout.called()
    assert venv.endswith(" .venv-docs")
    assert "--require-hashes -r requirements/docs.txt" in locked
    assert built == "mkdocs build --strict"
    assert not (checkout.folder / ".venv").exists()


def test_a_python_that_is_too_old_is_refused_and_named(checkout):
    _write_program(checkout.stubs / "python-old", "exit 1")
    result = checkout.bootstrap("install", PYTHON="python-old")
    assert result.returncode == 2
    assert "PYTHON must be a Python >= 3.11; got python-old" in result.stderr
    assert not checkout.called()


# --- locks and packaging -----------------------------------------------------------------------


def _pins(lock: str) -> dict[str, set[str]]:
    text = (ROOT / "requirements" / lock).read_text()
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


def _requirements(*extras: str) -> list[Requirement]:
    project = PYPROJECT["project"]
    lines = project["dependencies"] + PYPROJECT["dependency-groups"]["build"]
    for extra in extras:
        lines = lines + project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("run.txt", ("charts", "postgres", "redis-binary")),
        ("test.txt", tuple(PYPROJECT["project"]["optional-dependencies"])),
    ],
)
def test_locks_pin_every_dependency_to_an_allowed_version(lock, extras):
    pins = _pins(lock)
    for requirement in _requirements(*extras):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in {lock}: run tools/lock.sh"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


@pytest.mark.parametrize("group", ["docs", "synapse", "hadolint"])
def test_the_lock_of_an_environment_of_its_own_pins_its_group(group):
    pins = _pins(f"{group}.txt")
    for requirement in map(Requirement, PYPROJECT["dependency-groups"][group]):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in {group}.txt: run tools/lock.sh"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


@pytest.mark.parametrize("lock", ["run.txt", "test.txt", "docs.txt", "synapse.txt", "hadolint.txt"])
def test_every_pin_has_a_hash(lock):
    text = (ROOT / "requirements" / lock).read_text()
    pins = re.findall(r"^\S+==.*$", text, re.MULTILINE)
    hashed = re.findall(r"^\S+==.*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert pins
    assert len(hashed) == len(pins)


def test_the_test_lock_contains_the_run_lock():
    tested = _pins("test.txt")
    assert {name: tested.get(name) for name in _pins("run.txt")} == _pins("run.txt")


def test_the_locked_build_backend_is_the_required_one():
    assert PYPROJECT["dependency-groups"]["build"] == PYPROJECT["build-system"]["requires"]


def test_no_committed_file_names_a_registry(tracked_files):
    """Where packages come from is a setting of each machine."""
    # In parts, because this file is searched too.
    hosts = [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("registry", "npmjs", "org"),
    ]
    pattern = re.compile("|".join(re.escape(".".join(host)) for host in hosts))
    naming = [
        name
        for name in tracked_files
        if pattern.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))
    ]
    assert naming == []


def test_every_package_of_the_tree_is_listed_for_installation():
    """Setuptools does not search for packages that are mapped to other folders."""
    listed = PYPROJECT["tool"]["setuptools"]["packages"]
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("__init__.py")
    }
    assert listed == sorted(listed)
    assert set(listed) == {
        name if name.split(".")[0] == "gauntlet" else f"gauntlet.{name}" for name in found
    }


def test_the_wheel_contains_all_files_below_one_top_level_package(
    tmp_path, tracked_files, build_wheel
):
    """Except Markdown files, which are for readers of the source."""
    wheel = build_wheel(tmp_path)
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == {
        name if name.startswith("gauntlet/") else f"gauntlet/{name}"
        for name in tracked_files
        if name.split("/")[0] in FOLDERS and not name.endswith(".md")
    }


# --- services ----------------------------------------------------------------------------------

# The programs that only `--all` installs.
FOREIGN = (
    "mosquitto",
    "nats-server",
    "ejabberdctl",
    "centrifugo",
    "synapse_homeserver",
    "prometheus",
)

CLIENTS = ("node", "go", "java")  # of Toxiproxy, which are not programs on PATH

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="for Debian and Ubuntu")


@pytest.fixture
def services(tmp_path):
    """Runs install-services.sh with every service installed and an apt-get that records calls."""
    _write_program(tmp_path / "redis-server", "echo 'Redis server v=7.0.15 sha=0'")
    programs = ("rabbitmq-server", "initdb", "postgres", "prosody", "fusermount3", "nft")
    for name in (*programs, "toxiproxy-server", *FOREIGN):
        _write_program(tmp_path / name)
    modules, clients = tmp_path / "node_modules", tmp_path / "clients"
    (modules / "socket.io").mkdir(parents=True)
    for language in CLIENTS:
        (clients / language).mkdir(parents=True)
    for name in ("apt-get", "go", "npm"):
        _write_program(tmp_path / name, f"touch {tmp_path}/{name}-called; echo go1.19.8")

    folders = {"GAUNTLET_SOCKETIO": str(modules), "GAUNTLET_TOXIPROXY_CLIENTS": str(clients)}

    def install(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", ROOT / "tools/install-services.sh", *arguments],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", **folders},
            capture_output=True,
            text=True,
            check=False,
        )

    return install


@linux_only
def test_installed_services_are_left_alone(services, tmp_path):
    result = services()
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(": present") == 7
    assert not list(tmp_path.glob("*-called"))


@linux_only
def test_a_toxiproxy_that_cannot_be_installed_is_reported_without_failing(services, tmp_path):
    (tmp_path / "toxiproxy-server").unlink()
    result = services()
    assert result.returncode == 0, result.stderr
    assert "TOXIPROXY-SERVER NOT INSTALLED: IT NEEDS GO >= 1.23, FOUND 1.19.8." in result.stdout
    assert not (tmp_path / "apt-get-called").exists()


@linux_only
def test_foreign_systems_are_considered_only_with_all_and_left_alone_if_present(services, tmp_path):
    assert not any(name in services().stdout for name in FOREIGN)
    result = services("--all")
    assert result.returncode == 0, result.stderr
    present = 7 + len(FOREIGN) + len(["socket.io"]) + len(CLIENTS)
    assert result.stdout.count(": present") == present
    assert not list(tmp_path.glob("*-called"))


@linux_only
def test_a_client_whose_files_are_not_those_of_its_lock_is_not_installed(services, tmp_path):
    (tmp_path / "clients" / "java").rmdir()
    copies = """for argument; do case "$argument" in -DoutputDirectory=*)
    mkdir "${argument#*=}"; echo other >"${argument#*=}/gson-2.13.1.jar";; esac; done"""
    for name, body in (("mvn", copies), ("javac", "")):
        _write_program(tmp_path / name, body)
    result = services("--all")
    assert result.returncode == 0, result.stderr
    assert "TOXIPROXY CLIENT OF JAVA NOT INSTALLED." in result.stdout
    assert not (tmp_path / "clients" / "java").exists()


@linux_only
def test_an_unknown_option_is_refused_with_the_known_one(services):
    result = services("--some")
    assert result.returncode != 0
    assert "the only option is --all" in result.stderr


@pytest.mark.parametrize(
    ("environment", "outcome"),
    [
        ({}, pytest.skip.Exception),
        ({"GAUNTLET_REQUIRE_SERVICES": "1"}, pytest.fail.Exception),
        (
            {"GAUNTLET_REQUIRE_SERVICES": "1", "GAUNTLET_OPTIONAL_SERVICES": "prometheus promtool"},
            pytest.skip.Exception,
        ),
        (
            {"GAUNTLET_REQUIRE_SERVICES": "1", "GAUNTLET_OPTIONAL_SERVICES": "promtool"},
            pytest.fail.Exception,
        ),
    ],
)
def test_a_missing_service_fails_where_it_is_required_and_not_optional(environment, outcome):
    with pytest.raises(outcome, match="no prometheus"):
        missing("prometheus", "no prometheus", environment)


@pytest.mark.parametrize(("installed", "optional"), [(True, ""), (False, "prometheus promtool")])
def test_ci_skips_the_tests_of_a_prometheus_that_could_not_be_installed(
    tmp_path, installed, optional
):
    """A distribution without the package must not fail every change."""
    programs = ("chromium", "gcc", "toxiproxy-server", "actionlint", "apt-get", "hadolint")
    for name in (*programs, *(["prometheus"] if installed else [])):
        _write_program(tmp_path / "bin" / name)
    _write_program(tmp_path / "bin" / "make", 'echo "optional=$GAUNTLET_OPTIONAL_SERVICES"')
    _write_program(tmp_path / "tools" / "install-services.sh")
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    for name in ("dirname", "ls", "sort", "bash"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [shutil.which("bash"), tmp_path / ".ci" / "run"],
        env={"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"optional={optional}\n" in done.stdout
    assert ("ITS TESTS ARE SKIPPED" in done.stdout) is not installed
