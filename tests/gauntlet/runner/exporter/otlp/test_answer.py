"""What answers of a collector mean."""

import pytest

from gauntlet.runner.exporter.otlp import answer


class Response:
    """A response of `http.client`, as far as it is read."""

    def __init__(self, status=200, body=b"", reason="OK", **headers):
        self.status, self.reason = status, reason
        self._body, self._headers = body, headers

    def read(self, count):
        return self._body[:count]

    def getheader(self, name):
        return self._headers.get(name.replace("-", "_"))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"partialSuccess": {}}', b"\x0a\x00", b"[]", b"{" * 9999]
)
def test_a_status_of_success_means_that_all_points_were_taken(body):
    assert answer.read(Response(body=body)) == answer.Answer()


@pytest.mark.parametrize("count", ["3", 3])
def test_points_that_were_rejected_are_counted_with_the_reason(count):
    body = b'{"partialSuccess": {"rejectedDataPoints": %s, "errorMessage": "too old"}}'
    written = b'"3"' if isinstance(count, str) else b"3"
    found = answer.read(Response(body=body % written))
    assert found == answer.Answer("3 points were rejected: too old", 3)


def test_a_warning_without_rejected_points_is_no_problem():
    body = b'{"partialSuccess": {"rejectedDataPoints": "0", "errorMessage": "use gRPC"}}'
    assert answer.read(Response(body=body)) == answer.Answer()


def test_the_problem_is_the_message_of_the_collector_or_the_reason_of_the_status():
    told = Response(400, b'{"code": 3, "message": "no name"}', "Bad Request")
    assert answer.read(told).problem == "HTTP 400 no name"
    assert answer.read(Response(404, b"<html>", "Not Found")).problem == "HTTP 404 Not Found"
    assert answer.read(Response(302, b"", "Found")).problem == "HTTP 302 Found"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 0), ("7", 7), ("999999999", 60), ("-1", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)],
)
def test_the_collector_may_ask_for_a_pause_of_a_minute_at_most(header, seconds):
    assert answer.read(Response(503, Retry_After=header)).retry_after_s == seconds


def test_a_text_is_shown_on_one_line_without_control_characters():
    assert answer.shortened("a\n\x1b[31mb\r" + "c" * 500) == ("a [31mb " + "c" * 500)[:160]
