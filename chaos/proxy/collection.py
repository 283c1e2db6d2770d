"""All proxies of a server."""

from gauntlet.chaos.proxy import errors
from gauntlet.chaos.proxy.proxy import Proxy, ProxyBody
from gauntlet.chaos.proxy.toxic import check_name, convert
from gauntlet.chaos.proxy.turns import Turns


class Proxies:
    """The proxies by name. Callers must not run its methods concurrently."""

    def __init__(self, seed: int) -> None:
        self.by_name: dict[str, Proxy] = {}
        self._seed = seed
        self._turns = Turns()

    def get(self, name: str) -> Proxy:
        """Return a proxy by name; raises ApiError (404) if there is none."""
        if name not in self.by_name:
            raise errors.proxy_not_found()
        return self.by_name[name]

    async def create(self, body: object) -> Proxy:
        """Create a proxy, which listens if it is enabled; raises ApiError if the name is taken."""
        request = _checked(convert({} if body is None else body, ProxyBody))
        if request.name in self.by_name:
            raise errors.proxy_exists()
        return await self._add(request)

    async def update(self, name: str, body: object) -> Proxy:
        """Change a proxy; fields that the body does not contain keep their values."""
        proxy = self.get(name)
        current = {key: getattr(proxy, key) for key in ("listen", "upstream", "enabled")}
        changes = convert(body, dict[str, object])
        await proxy.update(convert({**current, **changes}, ProxyBody))
        return proxy

    def remove(self, name: str) -> None:
        """Close a proxy and remove it."""
        self.get(name).stop()
        del self.by_name[name]

    async def populate(self, body: object, populated: list[Proxy]) -> None:
        """Create or replace several proxies; one with unchanged addresses is not touched.

        Every row is checked before any proxy is changed. `populated` receives the proxies that
        succeeded, so that the answer to a failed call can list them.
        """
        rows = convert(body, list[dict[str, object]])
        requests = [_checked(convert(row, ProxyBody), number) for number, row in enumerate(rows, 1)]
        for request in requests:
            existing = self.by_name.get(request.name)
            if existing is not None:
                if not await existing.differs(request):
                    populated.append(existing)
                    continue
                existing.stop()
            populated.append(await self._add(request))

    async def reset(self) -> None:
        """Enable every proxy and remove every toxic."""
        for proxy in self.by_name.values():
            if not proxy.enabled:
                await proxy.start()
            for toxic in proxy.toxics():
                proxy.remove_toxic(toxic.name)

    def stop(self) -> None:
        """Close every proxy."""
        for proxy in self.by_name.values():
            proxy.stop()

    async def _add(self, request: ProxyBody) -> Proxy:
        proxy = Proxy(request, self._seed, self._turns)
        if request.enabled:
            await proxy.start()
        self.by_name[proxy.name] = proxy
        return proxy


def _checked(request: ProxyBody, row_number: int | None = None) -> ProxyBody:
    suffix = "" if row_number is None else f" at proxy {row_number}"
    for field in ("name", "upstream"):
        if not getattr(request, field):
            raise errors.missing_field(field + suffix)
    check_name(request.name)
    return request
