"""Schemathesis sends valid and invalid requests, derived from the OpenAPI file, to a server."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

OPENAPI = Path(__file__).parents[2] / "docs" / "reference" / "openapi.yaml"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
)


def log_in(api, user):
    """Log a user in; return the token."""
    body = json.dumps({"user": user, "device": "d0"}).encode()
    with urllib.request.urlopen(f"{api}/v1/sessions", body, timeout=10) as answer:
        return json.load(answer)["token"]


def test_the_server_conforms_to_its_openapi_file(cluster, tmp_path):
    """Every response is documented, none is a server error, and no log has a stack trace."""
    running = cluster("embedded")
    api, token = running.api[0], log_in(running.api[0], "ann")
    command = ["run", str(OPENAPI), "--url", api, "--checks", ",".join(CHECKS), "--seed", "1"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "6", "--no-color"]
    command += ["-H", f"Authorization: Bearer {token}", "--generation-database", "none"]
    command += ["--continue-on-failure", "--warnings", "off"]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    for log in running.logs.glob("*.log"):
        assert "Traceback" not in log.read_text(errors="replace"), log.name
