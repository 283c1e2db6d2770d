"""No log line contains a secret."""

import io
import logging

import pytest

from gauntlet.core import log_scrubber


@pytest.fixture
def stream():
    """What the root logger's handler writes."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


@pytest.fixture(autouse=True)
def as_before():
    """Restore the formatters of all handlers."""
    handlers = [*logging.getLogger().handlers, logging.lastResort]
    formatters = [handler.formatter for handler in handlers]
    yield
    for handler, formatter in zip(handlers, formatters, strict=True):
        handler.setFormatter(formatter)


def test_messages_and_tracebacks_are_scrubbed_and_keep_their_format(stream):
    log_scrubber.install({"target.server.password": "hunter-22"})
    log_scrubber.install({"target.server.password": "hunter-22"})
    logging.getLogger("acme").error("password %s", "hunter-22")
    try:
        raise ValueError("not hunter-22")
    except ValueError:
        logging.getLogger("acme").exception("failed")
    text = stream.getvalue()
    assert text.startswith("ERROR password ***\nERROR failed\n")
    assert "ValueError: not ***" in text
    assert "hunter" not in text


def test_the_handler_of_last_resort_is_scrubbed_too():
    log_scrubber.install({"target.server.password": "hunter-22"})
    record = logging.LogRecord("acme", logging.WARNING, "", 1, "hunter-22", None, None)
    assert logging.lastResort.format(record) == "***"
