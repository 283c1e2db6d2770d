"""All proxies of a server."""

from gauntlet.chaos.proxy import errors
from gauntlet.chaos.proxy.proxy import Proxy, ProxyBody
from gauntlet.chaos.proxy.toxic import convert


class Proxies:
    """The proxies by their names. Its methods are called one at a time."""

    def __init__(self, seed: int) -> None:
        self.by_name: dict[str, Proxy] = {}
        self._seed = seed

    def get(self, name: str) -> Proxy:
        """A proxy by its name; ApiError if there is none."""
        if name not in self.by_name:
            raise errors.proxy_not_found()
        return self.by_name[name]

    async def create(self, body: object) -> Proxy:
        """A new proxy, listening if it is enabled."""
        wish = _checked(convert({} if body is None else body, ProxyBody))
        if wish.name in self.by_name:
            raise errors.proxy_exists()
        return await self._put(wish)

    async def update(self, name: str, body: object) -> Proxy:
        """Change a proxy; what is not given stays."""
        proxy = self.get(name)
        current = {key: getattr(proxy, key) for key in ("listen", "upstream", "enabled")}
        given = convert(body, dict[str, object])
        wish = {**current, **{key: value for key, value in given.items() if value is not None}}
        await proxy.update(convert(wish, ProxyBody))
        return proxy

    def remove(self, name: str) -> None:
        """Close a proxy and forget it."""
        self.get(name).stop()
        del self.by_name[name]

    async def populate(self, body: object, done: list[Proxy]) -> None:
        """Create or replace several; one that has the same addresses already is left as it is.

        All are checked before the first is touched. `done` receives those that succeeded, so that
        a failure in between can be told with its survivors.
        """
        rows = convert(body, list[dict[str, object]])
        wishes = [_checked(convert(row, ProxyBody), at) for at, row in enumerate(rows, 1)]
        for wish in wishes:
            existing = self.by_name.get(wish.name)
            if existing is not None:
                if not await existing.differs(wish):
                    done.append(existing)
                    continue
                existing.stop()
            done.append(await self._put(wish))

    async def reset(self) -> None:
        """Enable every proxy and remove every toxic."""
        for proxy in self.by_name.values():
            if not proxy.enabled:
                await proxy.start()
            for toxic in proxy.toxics():
                proxy.remove_toxic(toxic.name)

    def stop(self) -> None:
        """Close everything."""
        for proxy in self.by_name.values():
            proxy.stop()

    async def _put(self, wish: ProxyBody) -> Proxy:
        proxy = Proxy(wish, self._seed)
        if wish.enabled:
            await proxy.start()
        self.by_name[proxy.name] = proxy
        return proxy


def _checked(wish: ProxyBody, position: int | None = None) -> ProxyBody:
    where = "" if position is None else f" at proxy {position}"
    for field in ("name", "upstream"):
        if not getattr(wish, field):
            raise errors.missing_field(field + where)
    return wish
