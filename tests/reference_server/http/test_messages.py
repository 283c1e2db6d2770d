"""The limits of request values, and the bytes of responses."""

import msgspec
import pytest

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, Response


class Named(msgspec.Struct):
    """A body with a name."""

    name: str


@pytest.mark.parametrize("text", ["-1", "x", "11", "", "9" * 5000, "²"])
def test_an_invalid_query_number_is_rejected_with_its_range(text):
    with pytest.raises(ApiError, match="limit must be a number from 0 to 10"):
        Request("GET", "/", query={"limit": text}).query_number("limit", 5, 10)


def test_a_missing_query_number_has_its_default():
    assert Request("GET", "/").query_number("limit", 5, 10) == 5
    assert Request("GET", "/", query={"limit": "10"}).query_number("limit", 5, 10) == 10


def test_a_response_is_encoded_with_status_length_and_type():
    """`HEAD` gets no body, and the last response of a connection announces the close."""
    encoded = Response(201, b"{}").encode(with_body=True, closes=False)
    assert encoded == (
        b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )
    plain = Response(200, b"x", {"content-type": "text/plain"})
    assert plain.encode(with_body=False, closes=True) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n"
        b"content-length: 1\r\n\r\n"
    )


@pytest.mark.parametrize("text", ["-1", "1.5", "٣", "1e3", "0" * 5000 + "1", "0" * 20 + "9" * 20])
def test_a_query_number_has_ascii_digits_only_and_a_limited_length(text):
    """`int` would accept more than the protocol does."""
    with pytest.raises(ApiError):
        Request("GET", "/", query={"after": text}).query_number("after", 0, 10**15)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"a":' * 20_000, b'{"name": "\xff"}']
)
def test_an_undecodable_body_is_a_bad_request(body):
    with pytest.raises(ApiError) as raised:
        Request("POST", "/", body).json(Named)
    assert raised.value.code == "bad_request"
