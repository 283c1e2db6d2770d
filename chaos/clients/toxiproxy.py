"""A typed client of Toxiproxy's HTTP API, based on toxiproxy-python (no other module imports it).

That package keeps one global server, has no timeouts, cannot update a toxic, does not escape names
and treats error bodies as results. Therefore only its request layer and its error classes are used,
through one subclass of `APIConsumer` per server.
"""

import re
from collections import Counter
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
import requests
from toxiproxy.api import APIConsumer, validate_response
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from gauntlet.core.errors import GauntletError

# A line of the Prometheus text format; the order of its labels is not fixed.
_RECEIVED = re.compile(
    r'toxiproxy_proxy_received_bytes_total\{(?:.*,)?proxy="(?P<proxy>[^"]*)".*\} (?P<bytes>\S+)'
)

T = TypeVar("T")
Stream = Literal["downstream", "upstream"]

_STATUS: dict[type[Exception], int] = {InvalidToxic: 400, NotFound: 404, ProxyExists: 409}


class ProxyError(GauntletError):
    """The fault proxy refused a call, or did not answer in time (`status` is None)."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Toxic(msgspec.Struct, frozen=True):
    """One toxic of a proxy. Toxiproxy's documentation defines the units of its attributes."""

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: dict[str, int]


class Proxy(msgspec.Struct, frozen=True):
    """One proxied link; `listen` is the real address, with port 0 resolved."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: list[Toxic]


class _Version(msgspec.Struct, frozen=True):
    version: str


class ProxyClient:
    """Controls one fault proxy server. Safe to use from several threads.

    Every call waits at most `timeout_s` for the connection and as long again for the answer. Errors
    are raised as ProxyError.
    """

    def __init__(self, api_url: str, timeout_s: float = 5.0) -> None:
        address = urlsplit(api_url)
        self.api_url = api_url
        self._server: type[APIConsumer] = type(
            "Server", (_ServerWithPatch,), {"host": address.hostname, "port": address.port}
        )
        self._timeout_s = timeout_s

    def version(self) -> str:
        """Return the version of the server, such as `2.12.0`."""
        return self._decode(_Version, self._call("get", "/version")).version

    def create(self, name: str, upstream: str, listen: str = "127.0.0.1:0") -> str:
        """Create a proxied link to `upstream`; return the address that it listens on."""
        body = {"name": name, "upstream": upstream, "listen": listen, "enabled": True}
        return self._decode(Proxy, self._call("post", "/proxies", body)).listen

    def delete(self, proxy: str) -> None:
        """Delete a link and close its connections."""
        self._call("delete", _path(proxy))

    def proxies(self) -> dict[str, Proxy]:
        """Return every link by name."""
        return self._decode(dict[str, Proxy], self._call("get", "/proxies"))

    def disable(self, proxy: str) -> None:
        """Close the listener and every connection of a link; new connections are refused."""
        self._call("patch", _path(proxy), {"enabled": False})

    def enable(self, proxy: str) -> None:
        """Listen again on the same port."""
        self._call("patch", _path(proxy), {"enabled": True})

    def toxics(self, proxy: str) -> list[Toxic]:
        """Return the toxics of a link."""
        return self._decode(list[Toxic], self._call("get", _path(proxy, "toxics")))

    def add_toxic(
        self,
        proxy: str,
        type: str,  # noqa: A002  # the name of the field in the API
        stream: Stream = "downstream",
        toxicity: float = 1.0,
        attributes: dict[str, int] | None = None,
        name: str | None = None,
    ) -> Toxic:
        """Add a toxic, by default named `<type>_<stream>`; it affects live connections too."""
        body: dict[str, Any] = {
            "name": name or f"{type}_{stream}",
            "type": type,
            "stream": stream,
            "toxicity": toxicity,
            "attributes": attributes or {},
        }
        return self._decode(Toxic, self._call("post", _path(proxy, "toxics"), body))

    def update_toxic(
        self,
        proxy: str,
        name: str,
        *,
        toxicity: float | None = None,
        attributes: dict[str, int] | None = None,
    ) -> Toxic:
        """Change the given values of a toxic; the others are kept."""
        body: dict[str, Any] = {} if toxicity is None else {"toxicity": toxicity}
        if attributes is not None:
            body["attributes"] = attributes
        return self._decode(Toxic, self._call("patch", _path(proxy, "toxics", name), body))

    def remove_toxic(self, proxy: str, name: str) -> None:
        """Remove a toxic; the bytes that it held are sent on, unless it drops data."""
        self._call("delete", _path(proxy, "toxics", name))

    def reset(self) -> None:
        """Enable every link and remove every toxic."""
        self._call("post", "/reset")

    def received_bytes(self) -> dict[str, int]:
        """Return the bytes that have arrived at each link so far, in both directions together.

        A link without a connection yet has no entry. ProxyError if the server is not the embedded
        one: toxiproxy-server counts the bytes of a connection only when it ends.
        """
        self._call("get", "/connections")  # only the embedded server has it
        totals: Counter[str] = Counter()
        for line in self._call("get", "/metrics").decode(errors="replace").splitlines():
            if found := _RECEIVED.match(line):
                totals[found["proxy"]] += int(float(found["bytes"]))
        return dict(totals)

    def _call(self, verb: str, path: str, body: object = None) -> bytes:
        kwargs: dict[str, Any] = {
            "timeout": self._timeout_s,
            # HTTP proxies from the user's environment must not be used for this server.
            "proxies": {"no_proxy": self._server.host},
        }
        if body is not None:
            kwargs["json"] = body
        call = f"fault proxy {self.api_url}: {verb.upper()} {path}"
        try:
            response: requests.Response = getattr(self._server, verb)(path, **kwargs)
        except tuple(_STATUS) as error:
            status = _STATUS[type(error)]
            raise ProxyError(f"{call}: {status} {_reason(error.args[0])}", status) from error
        except requests.RequestException as error:
            raise ProxyError(f"{call}: no answer: {error}") from error
        if not response.ok:  # toxiproxy-python does not raise for 5xx
            reason = _reason(response.content)
            raise ProxyError(f"{call}: {response.status_code} {reason}", response.status_code)
        return response.content

    def _decode(self, shape: type[T], content: bytes) -> T:
        try:
            return msgspec.json.decode(content, type=shape)
        except msgspec.DecodeError as error:
            raise ProxyError(f"fault proxy {self.api_url}: unexpected answer: {error}") from error


class _ServerWithPatch(APIConsumer):  # type: ignore[misc]  # the package ships no types
    """Adds PATCH, which the package lacks."""

    @classmethod
    def patch(cls, url: str, **kwargs: Any) -> requests.Response:
        url = f"http://{cls.host}:{cls.port}{url}"
        response: requests.Response = validate_response(requests.patch(url, **kwargs))  # noqa: S113  # in kwargs
        return response


def _path(proxy: str, *parts: str) -> str:
    return "/".join(["/proxies", *(quote(part, safe="") for part in (proxy, *parts))])


def _reason(content: bytes) -> str:
    try:
        return str(msgspec.json.decode(content)["error"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return content.decode(errors="replace")[:200].strip()
