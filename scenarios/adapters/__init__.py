"""The adapters, by the names that scenarios use (`target.adapter`).

One that is not in this tree is named by where it is: `package.module:Class`.
"""

import importlib

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.capabilities import CAPABILITIES, OUT_OF_TREE, is_out_of_tree
from gauntlet.scenarios.adapters.base import Adapter
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.adapters.xmpp import Xmpp

_REGISTERED = (Reference, Xmpp)

ADAPTERS: dict[str, type[Adapter]] = {adapter.kind.name: adapter for adapter in _REGISTERED}
_PARTS = ("capabilities", "subprotocol", "websocket_url", "codec")


def find(name: str) -> type[Adapter]:
    """The adapter of this name; ConfigError where there is none, or it is not one."""
    if name in ADAPTERS:
        return ADAPTERS[name]
    if not is_out_of_tree(name):
        allowed = ", ".join([*ADAPTERS, OUT_OF_TREE])
        raise ConfigError(f"found adapter {name!r}; allowed: {allowed}")
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:  # a module of the user's: anything may be wrong with it
        said = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"adapter {name!r} cannot be imported ({said}); install it, or name its folder in "
            f"PYTHONPATH"
        ) from error
    if found is None:
        raise ConfigError(f"adapter {name!r}: {module} has no {attribute}")
    if lacking := [part for part in _PARTS if not hasattr(found, part)]:
        raise ConfigError(f"adapter {name!r} has no {', '.join(lacking)}")
    if unknown := sorted(set(found.capabilities) - set(CAPABILITIES)):
        raise ConfigError(
            f"adapter {name!r} declares {', '.join(unknown)}; allowed: {', '.join(CAPABILITIES)}"
        )
    adapter: type[Adapter] = found
    return adapter
