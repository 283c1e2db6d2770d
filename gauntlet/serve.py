"""`gauntlet serve`: the reference server alone, until Ctrl-C."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gauntlet import interrupts
from gauntlet.kernel.errors import Exit, Interrupted, StackError
from gauntlet.stack import Stack

POLL_S = 0.5


def serve(stack_name: str, data: Path | None, config: Path | None = None) -> Exit:
    """Boot a stack, print its addresses, wait. Ending it by Ctrl-C is success."""
    with _folder(data) as folder, contextlib.suppress(Interrupted), interrupts.raised():
        logs = folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        request = {
            "stack": stack_name,
            "data_dir": str(folder / "data"),
            "log_dir": str(logs),
            "config": {},
            "config_file": None if config is None else str(config.resolve()),
            "startup_hooks": {},
            "edges": 2,
            "gateways": 2,
        }
        stack = Stack(request, on_event=lambda _event: None)
        try:
            components, links = stack.plan()
            ready = stack.start({})
            addresses = {link.component: link.upstream for link in links}
            for component in components:
                address = addresses.get(component["name"], "inside another component")
                print(f"  {component['name']:14} {address}")
            print(f"api      {'  '.join(ready.api)}")
            print(f"control  {ready.control}  token {ready.token}")
            print(f"logs     {logs}")
            print("Ctrl-C ends it.", flush=True)
            while stack.running:
                time.sleep(POLL_S)
            raise StackError(f"the server ended by itself; see {logs / 'cluster.log'}")
        finally:
            stack.stop()
    return Exit.OK


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data.resolve()
        return
    temporary = Path(tempfile.mkdtemp(prefix="gauntlet-serve-"))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
