"""Seeded bugs by name or by file: a user's own bug is a Python file that names its services.

The file is read here and not executed: it runs only inside the server's processes.
"""

import ast
from pathlib import Path

from gauntlet.chaos.server_hooks.bugs import BUGS, Bug
from gauntlet.core.errors import ConfigError

SERVICES = ("gateway", "message", "room", "friend", "sticker", "sessions", "edge")


def find_bug(name: str) -> Bug:
    """Return a registered bug, or the bug of a file whose name ends with `.py`.

    Such a file defines `install()`, and `SERVICES`, a tuple with the names of the services whose
    processes load it. ConfigError if there is no such bug, or the file lacks one of the two.
    """
    if not name.endswith(".py"):
        if name not in BUGS:
            known = ", ".join(BUGS)
            raise ConfigError(f"--bug must be one of: {known}, or a Python file; got {name}")
        return BUGS[name]
    try:
        tree = ast.parse(Path(name).read_text(encoding="utf-8"), name)
    except (OSError, ValueError, SyntaxError) as error:
        raise ConfigError(f"--bug must be a readable Python file; {name}: {error}") from error
    if not any(isinstance(part, ast.FunctionDef) and part.name == "install" for part in tree.body):
        raise ConfigError(f"--bug must be a file that defines install(); {name} does not")
    about = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Bug(about, _services(tree, name), str(Path(name).resolve()), caught_by="", scenario="")


def _services(tree: ast.Module, name: str) -> tuple[str, ...]:
    rule = f"SERVICES must be a tuple of: {', '.join(SERVICES)}"
    for part in tree.body:
        if not (isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "SERVICES"):
            continue
        try:
            services = ast.literal_eval(part.value)
        except ValueError as error:
            raise ConfigError(f"{name}: {rule}; got {ast.unparse(part.value)}") from error
        if isinstance(services, tuple) and services and set(services) <= set(SERVICES):
            return services
        raise ConfigError(f"{name}: {rule}; got {services!r}")
    raise ConfigError(f"{name}: {rule}; it is not defined")
