"""`gauntlet serve`: the reference server alone."""

import re
import signal
import subprocess

import psutil
import pytest
import requests

from gauntlet import children
from gauntlet.kernel.errors import Exit

pytestmark = pytest.mark.integration


def test_it_prints_addresses_serves_until_ctrl_c_and_leaves_nothing(tmp_path, require_service):
    """Somebody who tries a client of his own gets an address that answers; Ctrl-C is success."""
    require_service("redis")
    child = subprocess.Popen(
        children.python("gauntlet.cli", "serve"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    lines = []
    for line in child.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    text = "".join(lines)
    (api,) = re.findall(r"^api +(http://\S+)", text, re.MULTILINE)
    answer = requests.post(f"{api}/v1/sessions", json={"user": "ann", "device": "phone"}, timeout=5)
    assert answer.json()["connect"]["environment"] == "blue"
    family = psutil.Process(child.pid).children(recursive=True)
    assert len(family) >= 8
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == Exit.OK
    child.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert list(tmp_path.iterdir()) == []
