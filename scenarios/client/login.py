"""Logging in: where to connect, and renewing a login before it expires. Pure."""

from functools import partial
from random import Random
from typing import Protocol

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.adapters.base import OverHttp
from gauntlet.scenarios.adapters.limits import lifetime_s
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.requests import RequestChannel

_LOGIN_TIMEOUT_NS = 5 * NS_PER_S
# The share of a login's lifetime after which it is renewed. It is random, because otherwise the
# renewals of all users that logged in together would come together.
_RENEWAL_SHARE = (0.5, 0.75)
_RENEWAL_RETRY_SHARE = 0.05  # the same after a renewal that failed


class LoginListener(Protocol):
    """The owner of a login (a session)."""

    @property
    def online(self) -> bool:
        """Whether the user is to be connected, and the login therefore to be renewed."""

    def on_address(self, address: str) -> None:
        """Handle the address to connect to; empty if none is known."""

    def on_account_created(self) -> None:
        """Handle that the user has signed up with an account that did not exist."""


class Login:
    """The logins of one user, one after the other."""

    __slots__ = (
        "_address",
        "_context",
        "_count",
        "_listener",
        "_pending",
        "_request_channel",
        "_rng",
        "_signed_up",
    )

    def __init__(
        self,
        context: Context,
        request_channel: RequestChannel,
        rng: Random,
        listener: LoginListener,
    ) -> None:
        self._context = context
        self._request_channel = request_channel
        self._rng = rng
        self._listener = listener
        self._address = ""  # from the last login that succeeded
        self._pending = False
        self._count = 0
        self._signed_up = not context.signs_up

    def request_address(self) -> None:
        """Log in, unless a login is pending; the listener receives the address."""
        if self._pending:
            return
        if not self._signed_up:
            self._sign_up()
            return
        call = self._request_channel.ask(self._request_channel.codec.login)
        if call is None:
            self._listener.on_address(self._request_channel.target_address)
        else:
            self._call(call)

    def _sign_up(self) -> None:
        """Create the account; the first login follows once the server has answered."""
        call = self._request_channel.ask(self._request_channel.codec.sign_up)
        if call is None:
            self._listener.on_address("")
            return
        self._pending = True
        on_result = partial(self._on_signed_up, self._request_channel.gateway)
        self._request_channel.call(call, _LOGIN_TIMEOUT_NS, on_result)

    def _on_signed_up(self, gateway: int, created: bool | None) -> None:  # noqa: FBT001 - a callback
        self._pending = False
        if created is None:  # no answer; False means that the account exists already
            self._request_channel.switch_gateway(gateway)
            self._listener.on_address("")
            return
        self._signed_up = True
        if created:
            self._listener.on_account_created()
        self.request_address()

    def _call(self, login: OverHttp[str]) -> None:
        self._pending = True
        on_result = partial(self._on_result, self._request_channel.gateway)
        self._request_channel.call(login, _LOGIN_TIMEOUT_NS, on_result)

    def _on_result(self, gateway: int, address: str | None) -> None:
        self._pending = False
        if address is None:
            self._request_channel.switch_gateway(gateway)
        self._schedule_renewal(failed=address is None)
        # After a failure the last address is used: with a token that is still valid, the edge
        # accepts the user even while logins fail.
        self._address = address or self._address
        self._listener.on_address(self._address)

    def _schedule_renewal(self, *, failed: bool) -> None:
        """Renew the login in time: the connection outlives it, but sends and history need it."""
        self._count += 1
        ask = self._request_channel.ask
        if lasts_s := ask(lambda: lifetime_s(self._request_channel.codec.login_lasts_s())):
            share = _RENEWAL_RETRY_SHARE if failed else self._rng.uniform(*_RENEWAL_SHARE)
            wait_ns = int(share * lasts_s * NS_PER_S)
            self._context.after(wait_ns, partial(self._renew, self._count))

    def _renew(self, number: int) -> None:
        call = self._request_channel.ask(self._request_channel.codec.login)
        latest = number == self._count and not self._pending
        if latest and self._listener.online and call is not None:
            self._call(call)
