"""The adapters, by the names that scenarios use (`target.adapter`)."""

from scenarios.adapters.base import Adapter
from scenarios.adapters.reference import Reference

ADAPTERS: dict[str, type[Adapter]] = {"reference": Reference}
