"""A system behind TLS with a private CA: login, accounts of a file, faults, and a true verdict."""

import re
from types import SimpleNamespace

import pytest
import yaml

from gauntlet.core.errors import Exit

from .test_external_faults import LAYOUT, gauntlet, pid_of, run_directory
from .test_serve import serving

pytestmark = [pytest.mark.integration, pytest.mark.ci]


@pytest.fixture(scope="module")
def server(tmp_path_factory, require_service):
    """A running server with TLS: its API, its CA, and the addresses of its edges."""
    require_service("redis")
    folder = tmp_path_factory.mktemp("server")
    (folder / "lean.yaml").write_text(LAYOUT)
    with serving(folder, "--tls", "--layout", "lean.yaml") as (_, text):
        (api,) = re.findall(r"^api +(https://\S+)", text, re.MULTILINE)
        (ca,) = re.findall(r"^ca +(\S+)", text, re.MULTILINE)
        edges = re.findall(r"^ +edge-blue-[12] +(\S+)$", text, re.MULTILINE)
        yield SimpleNamespace(api=api, ca=ca, edges=edges)


def write_scenario(folder, server, **tls):
    victim = pid_of(server.edges[0])
    rows = [f"user-{number},secret-{number},blue" for number in range(10)]
    (folder / "users.csv").write_text("\n".join(["login,password,team", *rows]) + "\n")
    whole = {
        "version": 1,
        "name": "behind-tls",
        "about": "A system behind TLS that runs already.",
        "target": {
            "stack": "external",
            "url": [server.api],
            "edges": [f"wss://{address}" for address in server.edges],
            "tls": tls,
        },
        "accounts": {"file": "users.csv", "columns": {"name": "login"}},
        "load": {"users": 10, "rate": "20/s", "ramp": "2s", "steady": "20s"},
        "recovery_window": "5s",
        "faults": [
            {"id": "slow", "kind": "latency", "target": "client>edge", "at": "3s", "for": "2s",
             "params": {"latency": "100ms"}},
            {"id": "cut", "kind": "disconnect", "target": "client>edge", "at": "7s", "for": "1s",
             "params": {"percent": 100}},
            {"id": "crash", "kind": "command", "at": "14s", "for": "3s", "params": {
                "inject": ["kill", "-KILL", str(victim)],
                "prove": ["sh", "-c", f"! kill -0 {victim}"],
                "heal": ["true"],  # the server restarts its processes by itself
                "verify": ["true"],
            }},
        ],
    }  # fmt: skip
    (folder / "s.yaml").write_text(yaml.safe_dump(whole))


@pytest.mark.timeout(400)
def test_a_load_with_faults_on_a_system_behind_tls_ends_in_a_true_verdict(server, tmp_path):
    write_scenario(tmp_path, server, ca=server.ca)
    gauntlet(tmp_path, "run", "s.yaml", "--plain", "--allow-exec")
    run, result = run_directory(tmp_path)
    assert result["verdict"]["status"] in ("pass", "warn"), result["verdict"]
    assert {check["id"]: check["verdict"] for check in result["checks"]}["lost-acked"] == "valid"
    slow, cut, crash = result["faults"]
    assert slow["proof"]
    assert cut["proof"]["dropped"] > 0
    assert crash["proof"]["prove"]["exit_code"] == 0
    assert crash["exposed"]
    assert result["disturbances"]["disconnects"] == 0
    names = run.links.read_text()
    assert all(f'"user-{number}"' in names for number in range(10))
    assert not any(
        b"secret-3" in file.read_bytes() for file in run.path.rglob("*") if file.is_file()
    )


@pytest.mark.timeout(200)
def test_without_the_ca_no_user_connects_and_the_reason_is_named(server, tmp_path):
    write_scenario(tmp_path, server)
    gauntlet(tmp_path, "run", "s.yaml", "--plain", "--allow-exec", expected=Exit.HARNESS)
    _, result = run_directory(tmp_path)
    assert "certificate" in " ".join(result["verdict"]["reasons"])
