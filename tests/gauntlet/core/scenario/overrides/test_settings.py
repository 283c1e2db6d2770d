"""--set changes one value of a scenario."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.overrides import settings
from gauntlet.scenarios import library


def changed(*texts, scenario="gateway-crash"):
    return settings.apply(library.find(scenario), texts)


def test_values_at_any_depth_can_be_set():
    found = changed(
        "load.users=50", "load.rate=90/m", "load.bodies.max_bytes=200", "faults.0.params.count=1"
    )
    assert (found.load.users, found.load.rate, found.load.bodies.max_bytes) == (50, 1.5, 200)
    assert found.faults[0].params == {"count": 1}


def test_faults_and_objectives_are_found_by_their_ids():
    found = changed("faults.gateway-hangs.for=3s", "sla.p99-steady.value=250")
    assert [fault.for_ for fault in found.faults] == [5, 3]
    assert found.sla[0].value == 250


def test_a_part_that_is_absent_is_created():
    texts = ("accounts.pattern=u{n}", "target.stack=external", "target.url=['http://127.0.0.1:1']")
    found = changed(*texts, scenario="steady")
    assert (found.accounts.pattern, found.target.url) == ("u{n}", ["http://127.0.0.1:1"])


def test_settings_are_validated_together():
    """The first one alone would leave a fault behind the end of the load."""
    assert changed("load.steady=20s", "faults.gateway-hangs.at=14s", scenario="gateway-crash")
    with pytest.raises(ConfigError, match="with --set, faults"):
        changed("load.steady=5s")


@pytest.mark.parametrize(
    "text",
    [
        "accounts={pattern: 'u{n}', password: geheim}",
        "target.server.api_key=geheim",
        "target.url=['http://me:geheim@127.0.0.1:1']",
    ],
)
def test_a_secret_must_be_a_reference(text):
    """The manifest of a run contains its command line."""
    with pytest.raises(ConfigError, match="must not contain a secret itself") as caught:
        changed("target.stack=external", "target.url=['http://127.0.0.1:1']", text)
    assert "geheim" not in str(caught.value)


def test_a_reference_to_a_secret_can_be_set():
    found = changed("accounts={pattern: 'u{n}', password: {env: PW}}", scenario="steady")
    assert found.accounts.password.env == "PW"


def test_no_setting_changes_nothing():
    assert changed() == library.find("gateway-crash")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("load.users", "must be KEY=VALUE"),
        ("=5", "must be KEY=VALUE"),
        ("load..users=5", "must be KEY=VALUE"),
        ("load.usrs=5", "unknown field `usrs`"),
        ("load.users=many", "Expected `int`"),
        ("load.users.x=1", "'x' has no parent|nothing below"),
        ("faults.none.for=3s", "must be one of: gateway-killed, gateway-hangs"),
        ("faults.7.for=3s", "must be one of"),
        ("load.rate=fast", "must be a rate"),
        ("load.rate={", "not valid YAML"),
        ("load.users=1:30", "1:30 would be a number of base 60"),
        ("load={users: 5, users: 6}", "users"),
        ("name=Not A Slug", "name must be"),
    ],
)
def test_a_setting_that_is_not_possible_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        changed(text)
