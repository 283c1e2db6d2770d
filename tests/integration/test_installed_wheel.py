"""Gauntlet installed from its wheel, next to packages of the same names and without extras."""

import os
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.ci]

ROOT = Path(__file__).parents[2]
DEPENDENCIES = [entry for entry in sys.path if Path(entry).name == "site-packages"]
FOLDERS = ("scenarios", "chaos", "reports", "reference_server")
# A module that creates a file when it is imported, and ends the process.
HOSTILE = """
from pathlib import Path
Path(__file__).with_name("IMPORTED-" + __name__).touch()
raise SystemExit("code of the user's folder was run")
"""
LOCUST_CONF = "locustfile = no-such-file.py\nusers = 7777\nrun-time = 1h\nheadless = false\n"
# An objective for p99 needs 100 samples.
SHORT = ("--users", "10", "--rate", "40/s", "--ramp", "1s", "--steady", "4s")
LOCUSTFILE = """
from gauntlet.locust import VirtualUser

class Member(VirtualUser):
    pass
"""
USES_THE_PLUGIN = """
def test_import():
    from gauntlet.locust import IMUser
    import reports
    assert reports.OWNER == "the user"
    assert IMUser.__module__.startswith("gauntlet.scenarios.")
"""


class Installation:
    """A virtual environment with our wheel, and with the dependencies of this one."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.bin = folder / "venv" / "bin"
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
        shutil.unpack_archive(wheel, packages, "zip")
        # The folders of our dependencies, without their .pth files: one leads to this tree.
        (packages / "dependencies.pth").write_text("\n".join(DEPENDENCIES) + "\n")
        self.python = str(self.bin / "python")
        self.gauntlet = (
            self.python,
            "-P",
            "-c",
            "import sys; from gauntlet.cli.main import main; sys.exit(main())",
        )

    def run(
        self, *command: str, cwd: Path, timeout_s: float = 110, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment in a folder; it must end in time."""
        names = ("PATH", "HOME", "LANG", "TMPDIR", "GAUNTLET_TEST_SESSION")
        inherited = {name: os.environ[name] for name in names if name in os.environ}
        return subprocess.run(
            command,
            cwd=cwd,
            env=inherited | environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory, build_wheel):
    folder = tmp_path_factory.mktemp("installed")
    return Installation(folder, build_wheel(folder))


@pytest.fixture
def hostile(tmp_path):
    """A folder in which every package and file that could be picked up by mistake is hostile."""
    for name in (*FOLDERS, "gauntlet"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(HOSTILE)
    for name in ("sitecustomize", "usercustomize", "locust", "options", "users", "conftest"):
        (tmp_path / f"{name}.py").write_text(HOSTILE)
    (tmp_path / "locust.conf").write_text(LOCUST_CONF)
    (tmp_path / "pyproject.toml").write_text("[tool.locust]\nusers = 7777\nheadless = false\n")
    return tmp_path


@pytest.fixture
def owned(tmp_path):
    """A folder with the user's own packages of the names of our folders."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('OWNER = "the user"\n')
    return tmp_path


def imported_hostile_modules(folder: Path) -> list[str]:
    """Return the hostile modules that have been imported."""
    return [str(file.relative_to(folder)) for file in folder.rglob("IMPORTED-*")]


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.full)])
def test_a_run_in_a_hostile_folder_imports_nothing_from_it(
    installed, hostile, require_service, workers
):
    require_service("redis")
    done = installed.run(
        *installed.gauntlet, "run", "steady", *SHORT, "--workers", workers, cwd=hostile
    )
    assert imported_hostile_modules(hostile) == []
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.full
def test_settings_for_another_locust_do_not_change_a_run(installed, tmp_path, require_service):
    require_service("redis")
    environment = {
        "LOCUST_HOST": "http://192.0.2.1",
        "LOCUST_TAGS": "none",
        "LOCUST_MODE_WORKER": "true",
    }
    done = installed.run(*installed.gauntlet, "run", "steady", *SHORT, cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.full
def test_relative_entries_of_the_python_path_refer_to_the_users_folder(
    installed, tmp_path, require_service
):
    """The load runs in another working directory, and must find the same adapter there."""
    require_service("redis")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "acme.py").write_text(
        "from gauntlet.scenarios.adapters.reference import Reference\n"
        "class Acme(Reference):\n    pass\n"
    )
    scenario = tmp_path / "own.yaml"
    scenario.write_text(
        "version: 1\nname: own\nabout: x\ntarget: {adapter: 'acme:Acme', stack: external, "
        "url: ['http://127.0.0.1:9']}\nload: {users: 2, rate: 2/s, ramp: 1s, steady: 1s}\n"
    )
    done = installed.run(*installed.gauntlet, "run", "own.yaml", cwd=tmp_path, PYTHONPATH="lib:")
    (log,) = tmp_path.glob("runs/*/logs/locust.log")
    assert "acme" not in log.read_text()  # no server listens at the port, but the adapter was found
    assert done.returncode not in (0, 4), done.stdout + done.stderr


def test_the_module_runs_beside_packages_of_the_same_names(installed, owned):
    done = installed.run(installed.python, "-m", "gauntlet", "list", "--names", cwd=owned)
    assert (done.returncode, done.stderr) == (0, "")
    assert "tour" in done.stdout.split()


@pytest.mark.skipif(find_spec("pip") is None, reason="pip is not installed here")
def test_an_installer_creates_both_scripts(tmp_path, build_wheel):
    """`pipx` and `uvx` run the one with the name of the distribution."""
    wheel = build_wheel(tmp_path)
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(DEPENDENCIES) + "\n")
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python")
    offline = ("--quiet", "--no-index", "--no-deps", "--disable-pip-version-check")
    subprocess.run([*pip, "install", *offline, wheel], check=True, timeout=100)
    for script in ("gauntlet", "im-gauntlet"):
        command = [folder / "bin" / script, "list", "--names"]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "tour" in done.stdout.split()


def test_locust_runs_our_users_beside_packages_of_the_same_names(installed, owned, require_service):
    require_service("redis")
    (owned / "locustfile.py").write_text(LOCUSTFILE)
    command = ("locust", "-f", "locustfile.py", "--headless", "-u", "10", "-r", "10", "-t", "5s")
    enough = ("--im-rate", "40/s")  # for a percentile
    done = installed.run(installed.python, "-m", *command, *enough, cwd=owned)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pytest_collects_users_of_the_plugin_beside_packages_of_the_same_names(installed, owned):
    (owned / "test_x.py").write_text(USES_THE_PLUGIN)
    command = (installed.python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    done = installed.run(*command, cwd=owned, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_full_stack_without_its_extra_is_refused_with_the_install_command(
    installed, tmp_path, require_service
):
    require_service("postgres")
    (tmp_path / "hidden").mkdir()
    hide = "import sys\nsys.modules['asyncpg'] = None\n"
    (tmp_path / "hidden" / "sitecustomize.py").write_text(hide)
    environment = {"PYTHONPATH": "hidden"}
    doctor = installed.run(*installed.gauntlet, "doctor", cwd=tmp_path, **environment)
    assert "--stack full:     cannot run" in doctor.stdout
    command = (*installed.gauntlet, "run", "steady", "--stack", "full", *SHORT)
    done = installed.run(*command, cwd=tmp_path, **environment)
    assert done.returncode == 4
    assert "pip install 'im-gauntlet[postgres]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_source_tree_that_is_not_installed_asks_to_install_it(installed, tmp_path):
    shutil.copytree(ROOT / "gauntlet", tmp_path / "gauntlet")
    bare = (installed.python, "-S", "-m", "gauntlet", "list")
    done = installed.run(*bare, cwd=tmp_path, PYTHONPATH=os.pathsep.join(DEPENDENCIES))
    assert done.returncode != 0
    assert "This source tree is not installed: run `make install`" in done.stderr
