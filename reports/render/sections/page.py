"""The data from which every section is made."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Page:
    """A result, its manifest, and the pictures (SVG markup) by name."""

    result: dict[str, Any]
    manifest: dict[str, Any]
    pictures: dict[str, str] = field(default_factory=dict)
