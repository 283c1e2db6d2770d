"""The reference server, whose protocol is `im.v1` (docs/reference/protocol.md)."""

from urllib.parse import urlsplit

from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.reference_codec import ReferenceCodec


class Reference(base.Adapter):
    """The reference server: all capabilities except RESUME; clients catch up from the history."""

    kind = base.AdapterKind(
        "reference",
        "the reference server (`im.v1`)",
        capabilities=tuple(name for name in base.CAPABILITIES if name != base.RESUME),
        stacks=("embedded", "full"),
    )
    capabilities = frozenset(kind.capabilities)
    subprotocols = ("im.v1.json",)
    traits = base.Traits(any_character=True, stamp_unit_s=0.001)
    ids_are_per_sender = True

    def url(self, url: str) -> str:
        return url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/v1/ws"

    def codec(self, account: base.Account, device: str) -> ReferenceCodec:
        return ReferenceCodec(account.name, device)
