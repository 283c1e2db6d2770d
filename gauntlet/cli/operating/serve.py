"""`gauntlet serve`: run the reference server alone, until Ctrl-C."""

import contextlib
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from gauntlet.core.errors import ConfigError, Exit, Interrupted, StackError
from gauntlet.core.scenario import yaml_reader
from gauntlet.runner import signals
from gauntlet.runner.recovery import journal, recover
from gauntlet.runner.recovery.journal import RecoveryJournal
from gauntlet.stacks.reference import PlannedLink, ReferenceStack, StackAddresses

POLL_S = 0.5
CONTROL_FILE = "control.json"
CA_FILE = "ca.pem"
LOGS = "logs"


class Options(NamedTuple):
    """What to serve. `layout` is the name of a layout, or a YAML file that describes one."""

    stack: str
    data: Path | None = None
    config: Path | None = None
    layout: str = "default"
    tls: bool = False


def serve(options: Options) -> Exit:
    """Boot a stack, print its addresses, and wait. Ctrl-C ends it with success.

    What this process leaves behind if it is killed, and what others have, is undone as after runs.
    """
    layout = _layout(options.layout)
    _check_data(options)
    for outcome in recover.recover_all(allow_exec=False):
        print(f"left behind by {outcome.run}: {outcome.text}")
    name = f"serve-{os.urandom(4).hex()}"
    with (
        journal.opened(name, Path.cwd() if options.data is None else options.data) as recovery,
        _folders(options.data, recovery) as (folder, data),
        contextlib.suppress(Interrupted),
        signals.handled() as handler,
    ):
        logs = folder / LOGS
        logs.mkdir(parents=True, exist_ok=True)
        request = {
            "stack": options.stack,
            "data_dir": str(data),
            "log_dir": str(logs),
            "config": {"tls": True} if options.tls else {},
            "config_file": None if options.config is None else str(options.config.resolve()),
            "layout": layout,
        }
        stack = ReferenceStack(
            request, on_event=lambda event: recovery.note_process(event.get("pid"))
        )
        try:
            with handler.reraising_lost():
                _show_until_it_ends(stack, options, folder)
        finally:
            stack.stop()
    return Exit.OK


def _show_until_it_ends(stack: ReferenceStack, options: Options, folder: Path) -> NoReturn:
    """Start everything, print its addresses, and wait; StackError if the server ends by itself."""
    components, links = _plan(stack, options)
    ready = stack.start({})
    # From here on no other server uses the folder, so the files in it are those of this one.
    with _files(folder, ready):
        _show(components, links, ready, folder)
        while stack.running:
            time.sleep(POLL_S)
    raise StackError(f"the server ended by itself; see {folder / LOGS / 'cluster.log'}")


def _show(
    components: list[dict[str, Any]], links: list[PlannedLink], ready: StackAddresses, folder: Path
) -> None:
    """Print the addresses of everything, and where the files of the server are."""
    # The links of clients are the first ones, and the addresses for clients are of interest here.
    addresses = {link.component: link.upstream for link in reversed(links)}
    for component in components:
        address = addresses.get(component["name"], "in the process of another component")
        print(f"  {component['name']:14} {address}")
    print(f"api      {'  '.join(ready.api)}")
    if ready.ca:
        print(f"ca       {folder / CA_FILE}  (clients must trust it)")
    print(f"control  {ready.control}  token in {folder / CONTROL_FILE}")
    print(f"logs     {folder / LOGS}")
    print("Press Ctrl-C to stop.", flush=True)


def _plan(
    stack: ReferenceStack, options: Options
) -> tuple[list[dict[str, Any]], list[PlannedLink]]:
    """The planned components and links; an error in the layout also names its file."""
    try:
        return stack.plan()
    except ConfigError as error:
        if str(error).startswith("layout."):
            raise ConfigError(f"{options.layout}: {error}") from error
        raise


def _layout(name_or_file: str) -> str | dict[str, Any]:
    """The name of a layout, or the content of a layout file, which the server validates."""
    if not name_or_file.endswith((".yaml", ".yml")):
        return name_or_file
    text = yaml_reader.text_of(Path(name_or_file), "the layout file")
    _, content = yaml_reader.read(text, name_or_file)
    if not isinstance(content, dict):
        raise ConfigError(
            f"{name_or_file}: a layout must be a mapping; got {type(content).__name__}"
        )
    return content


def _check_data(options: Options) -> None:
    """Refuse a folder that PostgreSQL cannot reach: it would keep its data in a temporary one."""
    if options.data is None or options.stack != "full" or os.geteuid() != 0:
        return
    folder = options.data.resolve()
    for each in (folder, *folder.parents):
        if each.exists() and not each.stat().st_mode & stat.S_IXOTH:
            raise ConfigError(
                "--data must be a folder that other users can reach, because PostgreSQL does not "
                f"run as root, and would lose its data otherwise; {each} cannot be entered by "
                f"others: use another folder, or run chmod o+x {each}"
            )


@contextlib.contextmanager
def _files(folder: Path, ready: StackAddresses) -> Iterator[None]:
    """Keep the control file, and the certificate that clients must trust, in the folder."""
    control, ca = folder / CONTROL_FILE, folder / CA_FILE
    try:
        _write_control(control, ready)
        if ready.ca:
            shutil.copyfile(ready.ca, ca)
        yield
    finally:
        for path in (control, ca):
            path.unlink(missing_ok=True)


def _write_control(path: Path, ready: StackAddresses) -> None:
    """Write the file that `gauntlet cutover`, `scale` and `rolling` need.

    Only the owner may read it, because its token gives full control of the server.
    """
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump({"control": ready.control, "token": ready.token}, file)


@contextlib.contextmanager
def _folders(data: Path | None, recovery: RecoveryJournal) -> Iterator[tuple[Path, Path]]:
    """Return the folder of the logs and of the control file, and that of the databases.

    Without `data` they are one, so that what the server has to create beside it is recovered, too.
    """
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data.resolve(), data.resolve() / "data"
        return
    temporary = recovery.create_temporary_folder()
    try:
        yield temporary, temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
