"""Secrets that a server repeats are removed from its texts."""

import pytest

from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.adapters.base import Account
from gauntlet.scenarios.engine.scrubbing import scrubber
from gauntlet.scenarios.workloads.entities import User

SCENARIO = from_builtins(
    {
        "version": 1,
        "name": "x",
        "about": "x",
        "target": {
            "stack": "external",
            "url": ["wss://chat.example/ws?token=query-secret"],
            "server": {"password": "server-secret", "domain": "chat.example"},
            "headers": {"Authorization": "Bearer header-secret", "X-Tenant": "acme"},
        },
    }
)
ANN = User(1, "ann", credentials=Account(name="ann", password="hunter-2", token="t0ken.of-ann"))
BOB = User(2, "bob", credentials=Account(name="bob", password="bob"))


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("HTTP 401: bad password 'hunter-2'", "HTTP 401: bad password '***'"),
        ('{"token":"t0ken.of-ann","user":"ann"}', '{"token":"***","user":"ann"}'),
        ("no server-secret here", "no *** here"),
        ("got Bearer header-secret", "got ***"),
        ("wss://chat.example/ws?token=query-secret", "***"),
        ("see wss://chat.example/ws?token=other", "see wss://chat.example/ws?token=***"),
        ("bob of acme at chat.example", "bob of acme at chat.example"),
    ],
)
def test_a_secret_is_replaced_wherever_it_stands(text, scrubbed):
    assert scrubber(SCENARIO, [ANN, BOB])(text) == scrubbed
