"""The adapters, by the names that scenarios use (`target.adapter`)."""

from scenarios.adapters.base import Adapter
from scenarios.adapters.reference import Reference
from scenarios.adapters.xmpp import Xmpp

ADAPTERS: dict[str, type[Adapter]] = {"reference": Reference, "xmpp": Xmpp}
