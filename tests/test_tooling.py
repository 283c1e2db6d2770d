"""The tools around the code: bootstrap, locks, services, packaging."""

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

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SCRIPTS = ["tools/bootstrap.sh", "tools/install-services.sh", "tools/lock.sh", ".ci/run"]
VERBS = [
    *("install", "run", "test", "test-ci", "test-full", "lint", "format", "check", "portability"),
    *("docs", "docs-site", "bench", "bench-server", "bench-load"),
]
LINT_AND_UNIT_TESTS = [
    "ruff check .",
    "ruff format --check .",
    "mypy --strict --config-file ../../pyproject.toml",
    "lint-imports --no-logo --config ../../pyproject.toml",
    "pytest -m not (full or integration or contract) --numprocesses 4 --dist worksteal -x",
]
FOLDERS = {"gauntlet", "scenarios", "chaos", "reports", "reference_server"}


def _write_program(path: Path, body: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


# --- bootstrap ---------------------------------------------------------------------------------

# Stands in for uv and for everything that it would install: each call becomes a line of the log.
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
        path.parent.mkdir(exist_ok=True)
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
    """Give each test a checkout of its own."""
    return Checkout(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_executable_bash(script):
    """Every script parses, can be executed, and stops at the first error."""
    path = ROOT / script
    subprocess.run(["bash", "-n", path], check=True)
    assert os.access(path, os.X_OK)
    assert "\nset -euo pipefail\n" in path.read_text()


@pytest.mark.parametrize("arguments", [[], ["frobnicate"]])
def test_unknown_verb_names_the_known_ones(checkout, arguments):
    """A wrong or missing verb exits with 2 and lists what there is, without making a .venv."""
    result = checkout.bootstrap(*arguments)
    assert result.returncode == 2
    assert f"one of: {' '.join(VERBS)}\n" in result.stderr
    assert not checkout.called()


def test_makefile_offers_exactly_the_verbs():
    """`make X` and `tools/bootstrap.sh X` are the same set of words."""
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert phony[1].split() == VERBS


def test_install_is_hashed_editable_and_announced(checkout):
    """The first install says what it downloads, demands hashes, and adds the project offline."""
    result = checkout.bootstrap("install")
    assert result.returncode == 0, result.stderr
    assert "about 3 packages, 7 MB" in result.stdout
    _venv, locked, project = checkout.called()
    assert "--require-hashes -r requirements/run.txt" in locked
    assert "--no-index --no-deps --no-build-isolation -e ." in project


def test_install_happens_once(checkout):
    """A second install calls no installer."""
    checkout.bootstrap("install")
    assert checkout.bootstrap("install").returncode == 0
    assert not checkout.called()


@pytest.mark.parametrize("name", ["requirements/run.txt", "pyproject.toml"])
def test_a_changed_lock_or_project_installs_again(checkout, name):
    """Changing what was installed from invalidates the stamp but keeps the .venv."""
    checkout.bootstrap("install")
    checkout.edit(name, "# changed\n")
    checkout.bootstrap("install")
    assert [call.split()[1] for call in checkout.called()] == ["pip", "pip"]


def test_a_failed_install_is_tried_again(checkout):
    """No stamp is left by an installer that failed."""
    checkout.refuse("pip")
    assert checkout.bootstrap("install").returncode != 0
    checkout.refuse("pip", refused=False)
    assert checkout.bootstrap("install").returncode == 0
    assert len(checkout.called()) == 2


def test_test_lints_then_runs_all_but_the_slow_tests(checkout):
    """`test` runs four linters, then pytest, each with its duration."""
    result = checkout.bootstrap("test", "-x")
    assert result.returncode == 0, result.stderr
    assert [call for call in checkout.called() if not call.startswith("uv")] == [
        *LINT_AND_UNIT_TESTS,
        "pytest -m (integration or contract) and not (full or ci) -x",
    ]
    for step in ("ruff check", "mypy", "lint-imports", "unit tests", "tests on services"):
        assert re.search(rf"^bootstrap: {step}: \d+ s$", result.stdout, re.MULTILINE)


def test_check_lints_then_runs_the_unit_tests_in_parallel(checkout):
    """`check` needs no service: it leaves out the tests that start one."""
    result = checkout.bootstrap("check", "-x")
    assert result.returncode == 0, result.stderr
    called = [call for call in checkout.called() if not call.startswith("uv")]
    assert called == LINT_AND_UNIT_TESTS


def test_format_fixes_before_it_formats(checkout):
    """`format` formats also when ruff cannot fix every finding, and then fails."""
    assert checkout.bootstrap("format").returncode == 0
    checkout.refuse("ruff")
    assert checkout.bootstrap("format").returncode != 0
    assert checkout.called() == ["ruff check --fix .", "ruff format ."]


def test_the_test_install_serves_run_too(checkout):
    """After `test`, `run` has nothing to install, and hands its options on."""
    checkout.bootstrap("test")
    checkout.bootstrap("run", "--seed", "7")
    assert checkout.called() == ["gauntlet run tour --seed 7"]


def test_lint_reports_all_and_fails_before_pytest(checkout):
    """One linter's failure hides no other, fails the command, and keeps pytest from starting."""
    checkout.refuse("mypy")
    result = checkout.bootstrap("test")
    assert result.returncode != 0
    assert "mypy: 0 s, FAILED with exit code 1" in result.stdout
    assert checkout.called()[-1].startswith("lint-imports")


def test_the_documentation_site_has_an_environment_of_its_own(checkout):
    """`docs-site` installs its lock, and not the project, into .venv-docs and builds there."""
    result = checkout.bootstrap("docs-site")
    assert result.returncode == 0, result.stderr
    venv, locked, built = checkout.called()
    assert venv.endswith(" .venv-docs")
    assert "--require-hashes -r requirements/docs.txt" in locked
    assert built == "mkdocs build --strict"
    assert not (checkout.folder / ".venv").exists()


def test_an_old_python_is_refused_by_name(checkout):
    """A PYTHON that is too old is named in the message and nothing is made with it."""
    _write_program(checkout.stubs / "python-old", "exit 1")
    result = checkout.bootstrap("install", PYTHON="python-old")
    assert result.returncode == 2
    assert "python-old is no Python >= 3.11" in result.stderr
    assert not checkout.called()


# --- locks and packaging -----------------------------------------------------------------------


def _pins(lock: str) -> dict[str, set[str]]:
    text = (ROOT / "requirements" / lock).read_text()
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


def _wanted(*extras: str) -> list[Requirement]:
    project = PYPROJECT["project"]
    lines = project["dependencies"] + PYPROJECT["dependency-groups"]["build"]
    for extra in extras:
        lines = lines + project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("run.txt", ("postgres", "redis-binary")),
        ("test.txt", tuple(PYPROJECT["project"]["optional-dependencies"])),
    ],
)
def test_locks_satisfy_the_project(lock, extras):
    """Every dependency that pyproject.toml names is pinned to versions that it allows."""
    pins = _pins(lock)
    for requirement in _wanted(*extras):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in {lock}: run tools/lock.sh"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_the_lock_of_the_documentation_site_satisfies_its_group():
    """The group `docs` is pinned in a lock of its own."""
    pins = _pins("docs.txt")
    for requirement in map(Requirement, PYPROJECT["dependency-groups"]["docs"]):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in docs.txt: run tools/lock.sh"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


@pytest.mark.parametrize("lock", ["run.txt", "test.txt", "docs.txt"])
def test_every_pin_has_a_hash(lock):
    """Each pinned version is followed by at least one hash."""
    text = (ROOT / "requirements" / lock).read_text()
    pins = re.findall(r"^\S+==.*$", text, re.MULTILINE)
    hashed = re.findall(r"^\S+==.*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert pins
    assert len(hashed) == len(pins)


def test_what_is_tested_is_what_runs():
    """The test lock holds the run lock, version by version."""
    tested = _pins("test.txt")
    assert {name: tested.get(name) for name in _pins("run.txt")} == _pins("run.txt")


def test_the_build_backend_is_locked():
    """The group that puts setuptools into the locks is what the build asks for."""
    assert PYPROJECT["dependency-groups"]["build"] == PYPROJECT["build-system"]["requires"]


def test_no_committed_file_names_a_registry(tracked_files):
    """Where packages come from is each machine's own setting."""
    # Spelt apart, or this file would be the first to fail.
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
    """Setuptools does not look for mapped packages, so pyproject.toml lists them."""
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


def test_the_wheel_installs_one_top_level_package(tmp_path, tracked_files, build_wheel):
    """A built wheel has every file of the packages except notes, all below `gauntlet`."""
    wheel = build_wheel(tmp_path)
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == {
        name if name.startswith("gauntlet/") else f"gauntlet/{name}"
        for name in tracked_files
        if name.split("/")[0] in FOLDERS and not name.endswith(".md")
    }


# --- services ----------------------------------------------------------------------------------

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="for Debian and Ubuntu")


@pytest.fixture
def services(tmp_path):
    """Run install-services.sh where every service is present and apt-get leaves a trace."""
    _write_program(tmp_path / "redis-server", "echo 'Redis server v=7.0.15 sha=0'")
    for name in ("rabbitmq-server", "initdb", "postgres", "prosody", "toxiproxy-server"):
        _write_program(tmp_path / name)
    for name in ("apt-get", "go"):
        _write_program(tmp_path / name, f"touch {tmp_path}/{name}-called; echo go1.19.8")

    def install() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", ROOT / "tools/install-services.sh"],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    return install


@linux_only
def test_services_that_are_present_are_left_alone(services, tmp_path):
    """With all five there, the script succeeds as any user and asks no package manager."""
    result = services()
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(": present") == 5
    assert not list(tmp_path.glob("*-called"))


@linux_only
def test_a_missing_toxiproxy_is_said_loudly_but_is_no_failure(services, tmp_path):
    """Without a new enough Go the proxy is skipped, in capitals, with exit code 0."""
    (tmp_path / "toxiproxy-server").unlink()
    result = services()
    assert result.returncode == 0, result.stderr
    assert "TOXIPROXY-SERVER NOT INSTALLED: IT NEEDS GO >= 1.23, FOUND 1.19.8." in result.stdout
    assert not (tmp_path / "apt-get-called").exists()
