"""What the users of Matrix need before they can chat: accounts, and rooms that they are members of.

The adapter keeps the result, from which its codecs take the ids of the rooms. Creating accounts and
rooms takes a homeserver far longer than a message, so it is done before the load and not in it.
Everything may exist already: from an earlier run, or because a request was repeated whose answer
was lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gauntlet.scenarios.adapters import matrix_api as api
from gauntlet.scenarios.adapters.base import Account, Preparation, ProtocolError

FIRST_DEVICE = "d0"
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class MatrixSettings:
    """The settings of the adapter; an empty `secret` means open registration."""

    domain: str
    password: str
    registers: bool
    secret: str
    ping_ms: int
    pong_ms: int

    def credentials(self, account: Account, device: str) -> api.Credentials:
        """Return with what an account logs in on a device."""
        password = account.password or self.password or account.name
        return api.Credentials(account.name, password, device)


@dataclass(slots=True)
class Prepared:
    """Access tokens by user, and ids of rooms by conversation."""

    tokens: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)


def prepare(
    settings: MatrixSettings,
    accounts: Sequence[Account],
    conversations: Mapping[str, Sequence[str]],
    prepared: Prepared,
) -> Preparation:
    """Log in and register where necessary; create the rooms, and have all members join them."""
    yield from _log_in(settings, accounts, prepared)
    creators = {conv: members[0] for conv, members in conversations.items()}
    responses = yield [
        api.create_room(conv, prepared.tokens[user]) for conv, user in creators.items()
    ]
    joining = []
    for (conv, creator), response in zip(creators.items(), responses, strict=True):
        if api.error_code(response) == "M_ROOM_IN_USE":
            joining.append((conv, creator))
        else:
            prepared.rooms[conv] = api.read_room(response)
        joining += [(conv, member) for member in conversations[conv][1:]]
    responses = yield [
        api.join_room(conv, settings.domain, prepared.tokens[user]) for conv, user in joining
    ]
    for (conv, _), response in zip(joining, responses, strict=True):
        prepared.rooms[conv] = api.read_room(response)


def _log_in(
    settings: MatrixSettings, accounts: Sequence[Account], prepared: Prepared
) -> Preparation:
    """Set the token of every account. Accounts that cannot log in are registered first."""
    prepared.tokens |= {account.name: account.token for account in accounts if account.token}
    logging_in = [
        settings.credentials(account, FIRST_DEVICE) for account in accounts if not account.token
    ]
    responses = yield [api.login(who) for who in logging_in]
    unknown = []
    for who, response in zip(logging_in, responses, strict=True):
        if response.status == _FORBIDDEN and settings.registers:
            unknown.append(who)
        else:
            prepared.tokens[who.user] = api.read_token(response)
    yield from _register(settings, unknown)
    responses = yield [api.login(who) for who in unknown]
    for who, response in zip(unknown, responses, strict=True):
        prepared.tokens[who.user] = api.read_token(response)


def _register(settings: MatrixSettings, unknown: Sequence[api.Credentials]) -> Preparation:
    if settings.secret:
        nonces = yield [api.request_nonce() for _ in unknown]
        requests = [
            api.register_with_secret(who, settings.secret, nonce)
            for who, nonce in zip(unknown, nonces, strict=True)
        ]
    else:
        requests = [api.register(who) for who in unknown]
    responses = yield requests
    for who, response in zip(unknown, responses, strict=True):
        try:
            api.read_registration(response)  # an account that exists now can log in
        except ProtocolError as error:
            raise ProtocolError(
                f"{who.user} can neither log in nor be registered: {error}"
            ) from error
