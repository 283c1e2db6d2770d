"""Requests and answers of the Matrix client-server API (version 1.3 or later)."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode

from gauntlet.scenarios.adapters.base import (
    Entry,
    ProtocolError,
    Removed,
    Request,
    Response,
    Sent,
)

_CLIENT = "/_matrix/client/v3"
_ADMIN_REGISTER = "/_synapse/admin/v1/register"
_MESSAGE = "m.room.message"
_ID = "gauntlet_id"  # the key of an event's content that holds the sender's id of the message
_TIMELINE_LIMIT = 1000  # of one sync and one room; a server may allow less
_ROOM_TIMEOUT_S = 30.0  # a busy server may need long for a room, or for many joins of one
_SHOWN_BYTES = 200
_UNAUTHORIZED, _TIMEOUT, _TOO_MANY = 401, 408, 429
_NO_ROOM = frozenset({"M_FORBIDDEN", "M_NOT_FOUND"})


class Credentials(NamedTuple):
    """Who logs in, and on which device."""

    user: str
    password: str
    device: str


# Accounts.


def login(who: Credentials) -> Request:
    """Return the request for an access token; a device keeps its id, and its old token ends."""
    content = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": who.user},
        "password": who.password,
        "device_id": who.device,
    }
    return _request("POST", f"{_CLIENT}/login", content)


def read_token(response: Response) -> str:
    """Return the access token of a login."""
    return str(content_of(response)["access_token"])


def register(who: Credentials) -> Request:
    """Return the request that creates an account by open registration."""
    content = {
        "auth": {"type": "m.login.dummy"},
        "username": who.user,
        "password": who.password,
        "inhibit_login": True,
    }
    return _request("POST", f"{_CLIENT}/register", content)


def request_nonce() -> Request:
    """Return the request for the nonce that a registration with a shared secret signs."""
    return Request("GET", _ADMIN_REGISTER)


def register_with_secret(who: Credentials, secret: str, response: Response) -> Request:
    """Return the request that creates an account; `response` contains the nonce."""
    nonce = str(content_of(response)["nonce"])
    signed = f"{nonce}\0{who.user}\0{who.password}\0notadmin".encode()
    content = {
        "nonce": nonce,
        "username": who.user,
        "password": who.password,
        "admin": False,
        "mac": hmac.new(secret.encode(), signed, hashlib.sha1).hexdigest(),
    }
    return _request("POST", _ADMIN_REGISTER, content)


def read_registration(response: Response) -> bool:
    """Return whether the account was created; False if it existed before."""
    if error_code(response) == "M_USER_IN_USE":
        return False
    content_of(response)
    return True


def deactivate(who: Credentials, token: str) -> Request:
    """Return the request that removes an account, after which it leaves all of its rooms."""
    auth = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": who.user},
        "password": who.password,
    }
    content = {"auth": auth, "erase": True}
    return _request("POST", f"{_CLIENT}/account/deactivate", content, token, _ROOM_TIMEOUT_S)


def read_deactivation(response: Response) -> Removed:
    """Return whether an account was removed."""
    if response.status == 200:
        return Removed()
    return Removed(0, problem=f"the server answered {response.status} {error_code(response)}")


# Rooms.


def create_room(alias: str, token: str) -> Request:
    """Return the request for a room that any user of this server can join, and no other."""
    content = {
        "preset": "public_chat",
        "visibility": "private",  # not listed
        "room_alias_name": alias,
        "creation_content": {"m.federate": False},
    }
    return _request("POST", f"{_CLIENT}/createRoom", content, token, _ROOM_TIMEOUT_S)


def join_room(alias: str, domain: str, token: str) -> Request:
    """Return the request that makes a user a member of a room; a member stays one."""
    name = quote(f"#{alias}:{domain}", safe="")
    return _request("POST", f"{_CLIENT}/join/{name}", {}, token, _ROOM_TIMEOUT_S)


def read_room(response: Response) -> str:
    """Return the id of a room that was created or joined."""
    return str(content_of(response)["room_id"])


# Messages.


def sync(since: str, token: str, wait_ms: int, timeout_s: float) -> Request:
    """Return the request for all events after `since`; "" means that only the place is wanted."""
    query = {
        "timeout": str(wait_ms),
        "set_presence": "offline",
        "filter": _sync_filter(_TIMELINE_LIMIT if since else 1),
    }
    if since:
        query["since"] = since
    path = f"{_CLIENT}/sync?{urlencode(query)}"
    return Request("GET", path, token=token, timeout_s=timeout_s)


def send(room: str, ident: str, body: str, token: str) -> Request:
    """Return the request that sends a message once, however often it is repeated."""
    path = f"{_CLIENT}/rooms/{quote(room, safe='')}/send/{_MESSAGE}/{quote(ident, safe='')}"
    return _request("PUT", path, {"msgtype": "m.text", "body": body, _ID: ident}, token)


def read_sent(response: Response) -> Sent:
    """Return the outcome of a send.

    A client error proves that the event was not stored, except for a time-out: whatever answered
    with it may have passed the request on.
    """
    if response.status == 200 and "event_id" in _json(response):
        return Sent("yes")
    refused = 400 <= response.status < 500 and response.status != _TIMEOUT
    stored: Literal["no", "unknown"] = "no" if refused else "unknown"
    temporary = not refused or response.status in (_UNAUTHORIZED, _TOO_MANY)
    return Sent(stored, temporary=temporary, retry_after_s=response.retry_after_s)


def messages(room: str, place: str, limit: int, token: str) -> Request:
    """Return the request for the messages after a place, in ascending order; "": from the first."""
    query = {"dir": "f", "limit": str(limit), "filter": _written({"types": [_MESSAGE]})}
    if place:
        query["from"] = place
    path = f"{_CLIENT}/rooms/{quote(room, safe='')}/messages?{urlencode(query)}"
    return Request("GET", path, token=token)


def lacks_room(response: Response) -> bool:
    """Return whether a request was refused because its user is a member of no such room."""
    return response.status in (403, 404) and error_code(response) in _NO_ROOM


def is_message(event: Mapping[str, Any]) -> bool:
    """Return whether an event is a message that was not redacted."""
    return event.get("type") == _MESSAGE and "body" in event.get("content", {})


def entry_of(conv: str, event: Mapping[str, Any]) -> Entry:
    """Return the entry that a message is."""
    content = event["content"]
    return Entry(
        conv=conv,
        seq=0,
        sender=str(event["sender"])[1:].partition(":")[0],
        body=str(content["body"]),
        client_msg_id=str(content.get(_ID, "")),
        id=str(event["event_id"]),
    )


# Answers.


def content_of(response: Response) -> dict[str, Any]:
    """Return the content of an answer; ProtocolError if it is an error or not JSON."""
    content = _json(response)
    if response.status != 200 or not content:
        raise ProtocolError(f"HTTP {response.status}: {response.body[:_SHOWN_BYTES]!r}")
    return content


def error_code(response: Response) -> str:
    """Return the code of an error, such as M_FORBIDDEN; empty if the answer is none."""
    return "" if response.status == 200 else str(_json(response).get("errcode", ""))


def _json(response: Response) -> dict[str, Any]:
    """Return the JSON object of an answer, which is empty if there is none."""
    try:
        content = json.loads(response.body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _request(
    method: str, path: str, content: Mapping[str, Any], token: str = "", timeout_s: float = 0.0
) -> Request:
    return Request(method, path, _written(content).encode(), token, timeout_s=timeout_s)


def _written(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"))


def _sync_filter(limit: int) -> str:
    nothing: dict[str, list[str]] = {"types": []}
    room = {
        "timeline": {"types": [_MESSAGE], "limit": limit},
        "state": nothing,
        "ephemeral": nothing,
        "account_data": nothing,
    }
    return _written({"room": room, "presence": nothing, "account_data": nothing})
