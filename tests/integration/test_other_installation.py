"""A run boots the server of another installation, while load and verdict are ours."""

import json
import subprocess

import pytest
import yaml

from gauntlet.stacks import subprocesses

from .test_installed_wheel import installed

__all__ = ["installed"]  # a fixture

pytestmark = [pytest.mark.integration, pytest.mark.ci, pytest.mark.timeout(300)]

SCENARIO = {
    "version": 1,
    "name": "calm",
    "about": "No fault.",
    "load": {"users": 10, "rate": "20/s", "ramp": "1s", "steady": "4s"},
}
OLD = "0.0.9"


@pytest.fixture
def old(installed):
    """Make the installation an older version whose server leaves a trace."""
    (packages,) = installed.bin.parent.glob("lib/python*/site-packages")
    (metadata,) = packages.glob("im_gauntlet-*.dist-info/METADATA")
    lines = metadata.read_text().splitlines()
    metadata.write_text(
        "\n".join(f"Version: {OLD}" if line.startswith("Version: ") else line for line in lines)
    )
    trace = packages / "trace"
    main = packages / "gauntlet" / "reference_server" / "main.py"
    write = f"import pathlib; pathlib.Path({str(trace)!r}).open('a').write('started\\n')\n"
    main.write_text(write + main.read_text())
    # Compiled once here, and not by every process at the same time when the stack boots.
    compiled = installed.run(
        installed.python, "-P", "-c", "import gauntlet.reference_server.main", cwd=packages
    )
    assert compiled.returncode == 0, compiled.stderr
    trace.unlink()
    return installed.python, trace


def test_the_components_are_those_of_the_other_installation(
    old, tmp_path, require_service, monkeypatch
):
    require_service("redis")
    python, trace = old
    (tmp_path / "calm.yaml").write_text(yaml.safe_dump(SCENARIO))
    command = subprocesses.python("gauntlet", "run", "calm.yaml", "--server-python", python)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode in (0, 5), output  # a busy machine may leave a percentile unknown
    (run,) = tmp_path.glob("runs/*-calm-*")
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["stack"]["server"] == {"python": python, "version": OLD}
    assert manifest["versions"]["im-gauntlet"] != OLD
    gateways_and_edges = 4
    assert len(trace.read_text().splitlines()) > gateways_and_edges
    result = json.loads((run / "result.json").read_text())
    assert {c["id"]: c["verdict"] for c in result["checks"]}["undelivered"] == "valid"
