"""The HTTP server of the metrics."""

import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from gauntlet.core.errors import ConfigError, Exit
from gauntlet.runner.exporter.page import CONTENT_TYPE
from gauntlet.runner.exporter.server import MetricsServer


def serve(page=lambda: "a 1\n") -> MetricsServer:
    return MetricsServer("127.0.0.1", 0, page)


def get(url: str, method: str = "GET"):
    return urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30)


def test_every_scrape_gets_the_current_page():
    pages = iter(("a 1\n", "a 2\n"))
    with serve(lambda: next(pages)) as server:
        with get(server.url) as answer:
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            assert answer.read() == b"a 1\n"
        with get(server.url + "?x=1") as answer:
            assert answer.read() == b"a 2\n"


def test_a_head_request_gets_no_body():
    with serve() as server, get(server.url, "HEAD") as answer:
        assert answer.headers["Content-Length"] == "4"
        assert answer.read() == b""


def test_another_path_is_not_found():
    with serve() as server, pytest.raises(urllib.error.HTTPError, match="404"):
        get(server.url.removesuffix("metrics"))


def test_a_port_in_use_is_an_error_of_the_configuration_before_anything_starts():
    with serve() as server:
        port = urlsplit(server.url).port
        with pytest.raises(ConfigError, match=f"got {port} of '127.0.0.1' .*in use") as error:
            MetricsServer("127.0.0.1", port, lambda: "")
    assert error.value.exit_code == Exit.CONFIG


@pytest.mark.parametrize("host", ["192.0.2.1", "x" * 300])
def test_an_address_that_is_not_of_this_machine_is_an_error_of_the_configuration(host):
    with pytest.raises(ConfigError, match="the port for metrics must be"):
        MetricsServer(host, 0, lambda: "")


def test_the_port_is_closed_at_the_end():
    with serve() as server:
        pass
    with pytest.raises(urllib.error.URLError):
        get(server.url)


def test_a_page_that_fails_ends_one_scrape_only(capfd):
    pages = iter([None, "a 1\n"])
    with serve(lambda: next(pages)) as server:
        with pytest.raises((urllib.error.URLError, ConnectionError, OSError)):
            get(server.url)
        with get(server.url) as answer:
            assert answer.read() == b"a 1\n"
    assert "AttributeError" in capfd.readouterr().err


def test_a_client_that_sends_nothing_delays_neither_others_nor_the_end():
    with serve() as server:
        address = urlsplit(server.url)
        silent = socket.create_connection((address.hostname, address.port))
        with silent, get(server.url) as answer:
            assert answer.read() == b"a 1\n"


def test_nothing_is_printed_for_a_scrape(capfd):
    with serve() as server, get(server.url):
        pass
    assert capfd.readouterr() == ("", "")
