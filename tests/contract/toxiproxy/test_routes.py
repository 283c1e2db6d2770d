"""The routes, with their statuses, messages and content types."""

import pytest

from gauntlet.chaos.proxy.api import REQUEST_ID

pytestmark = [pytest.mark.contract, pytest.mark.integration]

JSON, TEXT = "application/json", "text/plain; charset=utf-8"
STREAM = "stream was invalid, can be either upstream or downstream"
# verb, path below /proxies, body, status, message
REFUSALS = [
    ("POST", "", {"upstream": "127.0.0.1:1"}, 400, "missing required field: name"),
    ("POST", "", {"name": "x"}, 400, "missing required field: upstream"),
    ("POST", "", "null", 400, "missing required field: name"),
    ("POST", "", "{", 400, "bad request body: "),
    ("POST", "", "[1]", 400, "bad request body: "),
    ("POST", "", {"name": 7, "upstream": "127.0.0.1:1"}, 400, "bad request body: "),
    ("POST", "", {"name": "@", "upstream": "127.0.0.1:1"}, 409, "proxy already exists"),
    ("POST", "", {"name": "x", "upstream": "u:1", "listen": "nonsense"}, 500, "listen tcp: "),
    (
        "POST",
        "",
        {"name": "x", "upstream": "u:1", "listen": "127.0.0.1:99999"},
        500,
        "listen tcp: address 99999: invalid port",
    ),
    ("GET", "/none", None, 404, "proxy not found"),
    ("PATCH", "/none", {}, 404, "proxy not found"),
    ("PATCH", "/none", "{", 404, "proxy not found"),
    ("DELETE", "/none", None, 404, "proxy not found"),
    ("PATCH", "/@", {"enabled": "x"}, 400, "bad request body: "),
    ("PATCH", "/@", {"listen": "nonsense"}, 500, "address nonsense: missing port in address"),
    ("GET", "/none/toxics", None, 404, "proxy not found"),
    ("POST", "/none/toxics", {"type": "latency"}, 404, "proxy not found"),
    ("POST", "/@/toxics", {"type": "none"}, 400, "invalid toxic type"),
    ("POST", "/@/toxics", {"name": "x"}, 400, "invalid toxic type"),
    ("POST", "/@/toxics", {"type": "latency", "stream": "sideways"}, 400, STREAM),
    ("POST", "/@/toxics", {"type": "latency", "stream": ""}, 400, STREAM),
    ("POST", "/@/toxics", "{", 400, "bad request body: "),
    ("POST", "/@/toxics", {"type": "latency", "toxicity": "x"}, 400, "bad request body: "),
    ("POST", "/@/toxics", {"type": "latency", "attributes": []}, 400, "bad request body: "),
    (
        "POST",
        "/@/toxics",
        {"type": "latency", "attributes": {"latency": 1.5}},
        400,
        "bad request body: ",
    ),
    (
        "POST",
        "/@/toxics",
        {"type": "latency", "attributes": {"latency": "1"}},
        400,
        "bad request body: ",
    ),
    ("GET", "/@/toxics/none", None, 404, "toxic not found"),
    ("PATCH", "/@/toxics/none", {}, 404, "toxic not found"),
    ("DELETE", "/@/toxics/none", None, 404, "toxic not found"),
]


@pytest.mark.parametrize(("verb", "path", "body", "status", "message"), REFUSALS)
def test_a_refusal_has_the_status_and_message_of_toxiproxy(
    call, link, verb, path, body, status, message
):
    """The body contains `error` and `status`, and is sent as plain text."""
    if isinstance(body, dict) and body.get("name") == "@":
        body = body | {"name": link.name}
    answer = call(verb, "/proxies" + path.replace("@", link.name), body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, TEXT)
    assert answer.json()["status"] == status
    # After the colon follows the message of each backend's own JSON reader.
    assert answer.json()["error"].startswith(message)
    assert message.endswith(": ") or answer.json()["error"] == message
    assert answer.text.endswith("}\n")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


MALFORMED = [
    ("127.0.0.1:65536", "address 65536: invalid port"),
    ("127.0.0.1:-1", "address -1: invalid port"),
    ("127.0.0.1:123456789012345678901234567890", "address 123456789012345678901234567890: invalid"),
    ("127.0.0.1:none", "lookup tcp/none: unknown port"),
    ("127.0.0.1", "address 127.0.0.1: missing port in address"),
    ("a:b:80", "address a:b:80: too many colons in address"),
    ("::1:80", "address ::1:80: too many colons in address"),
    ("[::1]80", "address [::1]80: missing port in address"),
    ("[::1:80", "address [::1:80: missing ']' in address"),
    ("a]b:80", "address a]b:80: unexpected ']' in address"),
]


@pytest.mark.parametrize(("listen", "message"), MALFORMED)
def test_a_malformed_address_is_refused_and_no_port_wraps(call, link, listen, message):
    """`127.0.0.1:99999` once listened on port 34463."""
    body = {"name": "malformed", "upstream": "127.0.0.1:1", "listen": listen}
    answer = call("POST", "/proxies", body)
    assert answer.status_code == answer.json()["status"] == 500
    assert answer.json()["error"].startswith(f"listen tcp: {message}")
    answer = call("PATCH", f"/proxies/{link.name}", {"listen": listen})
    assert answer.status_code == 500
    assert answer.json()["error"].startswith(message)
    assert link.proxy.proxies()[link.name].listen == link.address
    assert "malformed" not in call("GET", "/proxies").json()


def test_the_case_of_a_key_does_not_matter(call, link):
    """As in the JSON reader of Go."""
    body = {"Type": "latency", "STREAM": "upstream", "Attributes": {"Latency": 7}}
    toxic = call("POST", f"/proxies/{link.name}/toxics", body).json()
    assert (toxic["name"], toxic["attributes"]["latency"]) == ("latency_upstream", 7)


def test_a_proxy_can_be_created_shown_listed_updated_and_deleted(call):
    """Both POST and PATCH update it."""
    body = {"name": "life", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0", "extra": 1}
    created = call("POST", "/proxies", body)
    assert (created.status_code, created.headers["Content-Type"]) == (201, JSON)
    proxy = created.json()
    assert {key: proxy[key] for key in ("name", "upstream", "enabled", "toxics")} == {
        "name": "life",
        "upstream": "127.0.0.1:1",
        "enabled": True,
        "toxics": [],
    }
    assert not proxy["listen"].endswith(":0")
    assert call("GET", "/proxies/life").json() == proxy
    assert call("GET", "/proxies").json()["life"] == proxy
    for verb, enabled in (("POST", False), ("PATCH", True)):
        changed = call(verb, "/proxies/life", {"enabled": enabled})
        assert (changed.status_code, changed.json()) == (200, proxy | {"enabled": enabled})
    deleted = call("DELETE", "/proxies/life")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert call("GET", "/proxies/life").status_code == 404


def test_a_disabled_proxy_can_be_created(call, new_link):
    """It does not listen, and shows the requested address."""
    body = {"name": "off", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0", "enabled": False}
    created = call("POST", "/proxies", body)
    assert (created.status_code, created.json()["listen"]) == (201, "127.0.0.1:0")
    assert not created.json()["enabled"]
    assert call("DELETE", "/proxies/off").status_code == 204


def test_a_port_in_use_is_a_server_error(call, link):
    """Status 500, with the message of the operating system."""
    body = {"name": "late", "upstream": "127.0.0.1:1", "listen": link.address}
    answer = call("POST", "/proxies", body)
    expected = f"listen tcp {link.address}: bind: address already in use"
    assert (answer.status_code, answer.json()["error"]) == (500, expected)
    assert "late" not in call("GET", "/proxies").json()


def test_a_failed_change_of_the_port_leaves_the_proxy_disabled(call, new_link):
    """An update to a port in use closes the old port first."""
    taken, moving = new_link(), new_link()
    answer = call("PATCH", f"/proxies/{moving.name}", {"listen": taken.address})
    assert answer.status_code == 500
    proxy = moving.proxy.proxies()[moving.name]
    assert (proxy.enabled, proxy.listen) == (False, taken.address)


def test_the_version_is_one_whose_api_we_implement(call):
    """Under the content type of JSON."""
    answer = call("GET", "/version")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(JSON)
    assert answer.json()["version"].startswith("2.12.0")


def test_every_answer_has_its_own_request_id(call):
    """Successful answers and refusals alike."""
    paths = ("/version", "/proxies", "/proxies/none")
    ids = {call("GET", path).headers[REQUEST_ID] for path in paths}
    assert len(ids) == 3
    assert all(len(request_id) == 20 for request_id in ids)


def test_browsers_are_refused(call):
    """A web page must not be able to call the API through a browser."""
    answer = call("POST", "/reset", **{"User-Agent": "Mozilla/5.0"})
    assert (answer.status_code, answer.text) == (403, "User agent not allowed\n")
    assert REQUEST_ID in answer.headers


@pytest.mark.parametrize(
    ("verb", "path"),
    [("PUT", "/proxies"), ("GET", "/reset"), ("POST", "/version"), ("HEAD", "/version")],
)
def test_an_unsupported_method_is_answered_with_405_and_an_empty_body(call, verb, path):
    """The path exists, the method does not."""
    answer = call(verb, path)
    assert (answer.status_code, answer.content) == (405, b"")
    assert REQUEST_ID not in answer.headers


@pytest.mark.parametrize("path", ["/nowhere", "/proxies/", "/proxies/a/b/c/d"])
def test_an_unknown_path_is_answered_with_404(call, path):
    """With the text of Go's HTTP server, which numbers no request that it finds no route for."""
    answer = call("GET", path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert REQUEST_ID not in answer.headers
