"""A reference server without proxies, whose data and logs are removed at its end."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gauntlet.stacks.reference import ReferenceStack, StackAddresses


@contextlib.contextmanager
def running(
    stack: str, config: Mapping[str, Any], hooks: Mapping[str, list[str]], **request: Any
) -> Iterator[StackAddresses]:
    """Run a server; `hooks` are start-up hooks by service, `request` has further keys of the boot.

    Errors of the boot are those of `ReferenceStack.start`.
    """
    with tempfile.TemporaryDirectory(prefix="gauntlet-benchmark-") as folder:
        # PostgreSQL and RabbitMQ, which do not run as root, have to reach the folder.
        Path(folder).chmod(0o711)
        logs = Path(folder) / "logs"
        logs.mkdir()
        boot = {
            "stack": stack,
            "data_dir": f"{folder}/data",
            "log_dir": str(logs),
            "config": dict(config),
            "startup_hooks": dict(hooks),
            **request,
        }
        server = ReferenceStack(boot, on_event=lambda _event: None)
        try:
            server.plan()
            yield server.start({})
        finally:
            server.stop()
