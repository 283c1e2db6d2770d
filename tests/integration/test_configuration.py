"""A server that is configured by a file and by environment variables."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from gauntlet.reference_server.core import tokens

pytestmark = pytest.mark.integration


def test_file_and_environment_apply_to_every_process(cluster, tmp_path, monkeypatch):
    """The environment takes precedence, and its secret signs the tokens."""
    file = tmp_path / "im.yaml"
    file.write_text("token_ttl_s: 5\nuser_sends_burst: 1\nuser_sends_per_s: 1\n")
    monkeypatch.setenv("IM_TOKEN_TTL_S", "777")
    monkeypatch.setenv("IM_SECRET", "of the operator")
    running = cluster("embedded", config_file=str(file))
    body = json.dumps({"user": "ann", "device": "d0"}).encode()
    with urllib.request.urlopen(f"{running.api[0]}/v1/sessions", body, timeout=10) as answer:
        session = json.load(answer)
    claims = tokens.verify(session["token"], "of the operator", time.time())
    assert claims.exp == session["expires_at"]
    assert 700 < claims.exp - time.time() <= 777
    statuses = []
    for number in "0123456789":
        send = urllib.request.Request(
            f"{running.api[0]}/v1/conversations/d.ann.bob/messages",
            json.dumps({"client_msg_id": number, "body": "x"}).encode(),
            {"Authorization": f"Bearer {session['token']}"},
        )
        try:
            with urllib.request.urlopen(send, timeout=10) as answer:
                statuses.append(answer.status)
        except urllib.error.HTTPError as error:
            statuses.append(error.code)
    assert 429 in statuses
    assert statuses[0] == 201


def test_an_unknown_setting_in_the_file_prevents_the_start_and_is_named(tmp_path):
    file = tmp_path / "im.yaml"
    file.write_text("pnig_ms: 5\n")
    folders = {"data_dir": str(tmp_path / "data"), "log_dir": str(tmp_path / "logs")}
    line = json.dumps({"stack": "embedded", **folders, "config_file": str(file)})
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gauntlet.reference_server.cluster"],
        input=line + "\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    failed = json.loads(done.stdout)["failed"]
    assert (done.returncode, failed["component"]) == (3, "cluster")
    assert "there is no setting pnig_ms" in failed["reason"]
