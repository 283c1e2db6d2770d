"""The adapters by the names that scenarios use (`target.adapter`): one file each.

To add an adapter: a file, its test, and a line here; then `make docs`. See
docs/howto/write-a-plug-in.md. An adapter outside this tree is named by its Python import path:
`package.module:Class`.
"""

import importlib
import inspect
from collections.abc import Iterable

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.capabilities import CAPABILITIES, OUT_OF_TREE, is_out_of_tree
from gauntlet.core.scenario.model import Target
from gauntlet.scenarios.adapters import deprecated_imports, version1
from gauntlet.scenarios.adapters.base import Adapter
from gauntlet.scenarios.adapters.centrifugo import Centrifugo
from gauntlet.scenarios.adapters.matrix import Matrix
from gauntlet.scenarios.adapters.mqtt import Mqtt
from gauntlet.scenarios.adapters.nats import Nats
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.adapters.socketio import Socketio
from gauntlet.scenarios.adapters.xmpp import Xmpp

_REGISTERED = (
    Reference,
    Xmpp,
    Mqtt,
    Nats,
    Centrifugo,
    Socketio,
    Matrix,
)

ADAPTERS: dict[str, type[Adapter]] = {adapter.kind.name: adapter for adapter in _REGISTERED}


def create(target: Target, transport: str | None) -> tuple[Adapter, str]:
    """Return the adapter of a target and the transport that it uses; ConfigError if it cannot."""
    adapter = find(target.adapter)(secrets.settings(target.server))
    chosen = transport or adapter.transports[0]
    if chosen not in adapter.transports:
        raise ConfigError(
            f"load.transport must be one of: {', '.join(adapter.transports)} (adapter "
            f"{target.adapter!r}); got {chosen!r}"
        )
    adapter.use(chosen)
    _check_capabilities(adapter.capabilities, target.adapter)
    return adapter, chosen


def find(name: str) -> type[Adapter]:
    """Return the adapter class of this name; ConfigError if there is none or it is incomplete."""
    if name in ADAPTERS:
        return ADAPTERS[name]
    if not is_out_of_tree(name):
        allowed = ", ".join([*ADAPTERS, OUT_OF_TREE])
        raise ConfigError(f"there is no adapter {name!r}; allowed: {allowed}")
    module, _, attribute = name.partition(":")
    deprecated_imports.install()
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:  # a module of the user may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"adapter {name!r} cannot be imported ({reason}); install it, or add its folder to "
            f"PYTHONPATH"
        ) from error
    if found is None:
        raise ConfigError(f"adapter {name!r}: the module {module} has no {attribute}")
    if version1.is_version_1(found):
        if missing := [part for part in version1.REQUIRED if not hasattr(found, part)]:
            raise ConfigError(f"adapter {name!r} has no {', '.join(missing)}")
        found = version1.wrap(found, name)
    if inspect.isabstract(found):
        missing = sorted(found.__abstractmethods__)
        raise ConfigError(f"adapter {name!r} has no {', '.join(missing)}")
    _check_capabilities(found.capabilities, name)
    adapter: type[Adapter] = found
    return adapter


def _check_capabilities(capabilities: Iterable[str], name: str) -> None:
    if unknown := sorted(set(capabilities) - set(CAPABILITIES)):
        raise ConfigError(
            f"adapter {name!r} declares {', '.join(unknown)}; allowed: {', '.join(CAPABILITIES)}"
        )
