"""`gauntlet serve`: the reference server alone, until Ctrl-C."""

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from gauntlet.core.errors import ConfigError, Exit, Interrupted, StackError
from gauntlet.runner import signals as interrupts
from gauntlet.stacks.reference import PlannedLink, ReferenceStack, StackAddresses

POLL_S = 0.5
CONTROL_FILE = "control.json"
LOGS = "logs"


class Options(NamedTuple):
    """What to serve. `layout` is a name, or a YAML file that writes one out."""

    stack: str
    data: Path | None = None
    config: Path | None = None
    layout: str = "default"


def serve(options: Options) -> Exit:
    """Boot a stack, print its addresses, wait. Ending it by Ctrl-C is success."""
    layout = _layout(options.layout)
    with (
        _folder(options.data) as folder,
        contextlib.suppress(Interrupted),
        interrupts.raised() as signals,
    ):
        logs = folder / LOGS
        logs.mkdir(parents=True, exist_ok=True)
        request = {
            "stack": options.stack,
            "data_dir": str(folder / "data"),
            "log_dir": str(logs),
            "config_file": None if options.config is None else str(options.config.resolve()),
            "layout": layout,
        }
        stack = ReferenceStack(request, on_event=lambda _event: None)
        control = folder / CONTROL_FILE
        try:
            with signals.insisting():
                _show_until_it_ends(stack, options, folder)
        finally:
            stack.stop()
            control.unlink(missing_ok=True)
    return Exit.OK


def _show_until_it_ends(stack: ReferenceStack, options: Options, folder: Path) -> NoReturn:
    """Start everything, print where it is, and wait; StackError when it ends by itself."""
    logs, control = folder / LOGS, folder / CONTROL_FILE
    components, links = _plan(stack, options)
    ready = stack.start({})
    _write_control(control, ready)
    addresses = {link.component: link.upstream for link in links}
    for component in components:
        address = addresses.get(component["name"], "inside another component")
        print(f"  {component['name']:14} {address}")
    print(f"api      {'  '.join(ready.api)}")
    print(f"control  {ready.control}  token in {control}")
    print(f"logs     {logs}")
    print("Ctrl-C ends it.", flush=True)
    while stack.running:
        time.sleep(POLL_S)
    raise StackError(f"the server ended by itself; see {logs / 'cluster.log'}")


def _plan(
    stack: ReferenceStack, options: Options
) -> tuple[list[dict[str, Any]], list[PlannedLink]]:
    """What there will be; an error in the layout names its file too."""
    try:
        return stack.plan()
    except ConfigError as error:
        if str(error).startswith("layout."):
            raise ConfigError(f"{options.layout}: {error}") from error
        raise


def _layout(wanted: str) -> str | dict[str, Any]:
    """A name as it is; a file's content, unread but for its YAML: the server judges it."""
    if not wanted.endswith((".yaml", ".yml")):
        return wanted
    try:
        content = yaml.safe_load(Path(wanted).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{wanted}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{wanted}: found {type(content).__name__}; a layout maps keys to values")
    return content


def _write_control(path: Path, ready: StackAddresses) -> None:
    """For `gauntlet cutover` and its like; whoever reads the token rules the server."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump({"control": ready.control, "token": ready.token}, file)


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
