"""The configuration of one server process: one JSON line on its standard input."""

from typing import Annotated, Literal

import msgspec

SERVICES = ("gateway", "message", "room", "sessions", "friend", "sticker", "edge")
Service = Literal["gateway", "message", "room", "sessions", "friend", "sticker", "edge"]

_SETTING_MAX = 2**31 - 1

Secret = Annotated[str, msgspec.Meta(min_length=1)]


class ConfigError(ValueError):
    """The configuration line is invalid; the message names the key."""


class EdgeAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An edge, its environment, and the WebSocket URL at which clients reach it."""

    name: str
    environment: str
    url: str


class Urls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base URLs of all instances of each service; `api` is how clients reach the gateways."""

    message: tuple[str, ...] = ()
    room: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    friend: tuple[str, ...] = ()
    sticker: tuple[str, ...] = ()
    api: tuple[str, ...] = ()
    edges: tuple[EdgeAddress, ...] = ()

    def of(self, service: str) -> tuple[str, ...]:
        """Return the base URLs of a service."""
        urls: tuple[str, ...] = getattr(self, service)
        return urls


class ClientTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The port on which a process speaks TLS with clients, and its PEM files."""

    port: int
    certificate: str
    key: str


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an operator may tune; all processes of a cluster get the same settings."""

    # Whether gateways and edges speak TLS with their clients.
    tls: bool = False
    # Heartbeat of client connections; a lease lives three pings.
    ping_ms: int = 10_000
    pong_ms: int = 5_000
    # How long a lost connection may be absent before its user counts as having left.
    grace_ms: int = 10_000
    # How often an edge polls for changed heads: with the bus up, and while it is down.
    heads_poll_ms: int = 2_000
    heads_poll_degraded_ms: int = 1_000
    # Group commit: how long a send may wait for others while a transaction runs; rows at most.
    batch_ms: int = 5
    batch_max: int = 256
    # Connections of one edge (beyond: 503), and of one user on it (beyond: closed 1013).
    edge_connections_max: int = 20_000
    user_connections_max: int = 16
    # Unsent bytes of one connection above which it is closed as a slow consumer.
    outbox_bytes: int = 1_048_576
    # Maximum size of a request body.
    body_bytes_max: int = 65_536
    token_ttl_s: int = 3_600
    # A database that takes longer counts as down.
    db_timeout_ms: int = 1_000
    # A call from one service to another.
    call_timeout_ms: int = 3_000
    # HTTP connections of one process, and how long a request may take to arrive.
    http_connections_max: int = 8_192
    request_timeout_ms: int = 10_000
    # Sends of one user at one gateway: the rate, and the size of a burst.
    user_sends_per_s: int = 100
    user_sends_burst: int = 200
    # Calls of one user about rooms at one gateway, in the same way.
    user_room_calls_per_s: int = 200
    user_room_calls_burst: int = 5_000
    # Calls of one user about friends and blocks at one gateway, in the same way.
    user_friend_calls_per_s: int = 50
    user_friend_calls_burst: int = 1_000
    # Sends are refused while they would wait longer than this, other work at a fraction of it.
    shed_wait_ms: int = 1_000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if type(value) is int and value < 1:
                raise ValueError(f"{name} must be 1 or more")
            if type(value) is int and value > _SETTING_MAX:  # timers cannot wait longer
                raise ValueError(f"{name} must be at most {_SETTING_MAX}")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One process: what it hosts, where it listens, and what it connects to.

    With `tls`, clients connect to the port that it names, and `port` serves internal calls only.
    `secret` signs tokens; `internal_token` identifies calls from other processes of the server.
    Databases: `sqlite:///absolute/path` or `postgresql://…`; bus: `redis://…` or `amqp://…`;
    registry: `redis://…`, and after commas the URLs of its replicas.
    `startup_hooks` maps a service to modules whose `install()` runs before the service is made.
    With `trail_dir`, the process writes there at its end what it remembers of messages (`trail`).
    """

    name: str
    services: tuple[Service, ...]
    port: int
    secret: Secret
    internal_token: Secret
    host: str = "127.0.0.1"
    tls: ClientTls | None = None
    environment: str | None = None
    urls: Urls = Urls()
    messages_db: str = ""
    users_db: str = ""
    registry: str = ""
    bus: str = ""
    settings: Settings = Settings()
    startup_hooks: dict[Service, tuple[str, ...]] = {}
    trail_dir: str = ""

    def __post_init__(self) -> None:
        if not self.services:
            raise ValueError("services must name at least one service")
        if "edge" in self.services and self.services != ("edge",):
            raise ValueError("an edge shares its process with no other service")


def parse_config(line: bytes) -> Config:
    """Parse a line of JSON; ConfigError says what is wrong and where."""
    try:
        return msgspec.json.decode(line, type=Config)
    except msgspec.MsgspecError as error:
        raise ConfigError(str(error)) from error
