"""The password of a PostgreSQL server, also of one whose data folder required none before."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import replace
from pathlib import Path

from gauntlet.reference_server.cluster.engines.private_files import write_private
from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.supervision.process import ChildProcess
from gauntlet.reference_server.cluster.topology.errors import StartError

METHOD = "scram-sha-256"
SCRAM_ITERATIONS = 1
_TRUSTED = re.compile(r"^(\s*[^\s#].*\s)trust\s*$", re.MULTILINE)


def scram_secret(password: str) -> str:
    """Return what PostgreSQL stores of a password for SCRAM (RFC 5803), with a single iteration.

    By default it would take 4,096, which the driver computes in Python, and which keep the event
    loop busy at every new connection. They would slow down guesses, but 128 random bits cannot be
    guessed.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (
        base64.b64encode(each).decode() for each in (salt, stored_key, server_key)
    )
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{salt64}${stored64}:{server64}"


async def require(name: str, data: Path, server: LaunchSpec, user: str, password: str) -> None:
    """Make a data folder of version 0.1 require the password: it let in every user of the machine.

    Its server must not run. An attempt that was interrupted is repeated.
    """
    access = data / "pg_hba.conf"
    text = access.read_text(encoding="utf-8")
    if not _TRUSTED.search(text):
        return
    # Without a server, which would let others in until the password is set.
    program, *_ = server.argv
    argv = (program, "--single", "-D", str(data), "-c", "exit_on_error=on", "postgres")
    statement = f"ALTER ROLE {user} PASSWORD '{scram_secret(password)}'\n"
    child = await ChildProcess.spawn(argv, replace(server, stdin=statement.encode()))
    try:
        child.end_input()
        status = await child.wait()
    finally:
        await child.kill()
    if status:
        raise StartError(name, f"setting its password ended with exit code {status}", server.log)
    changed = access.with_suffix(".new")
    write_private(changed, requiring_password(text), server.uid)
    changed.replace(access)


def requiring_password(text: str) -> str:
    """Return a pg_hba.conf in which every user whom it trusted must have a password."""
    return _TRUSTED.sub(rf"\g<1>{METHOD}", text)
