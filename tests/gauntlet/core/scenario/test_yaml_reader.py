"""What YAML allows, or PyYAML trips over, and a scenario cannot be made of."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader

HEAD = "version: 1\nname: x\n"


def told(text):
    """The error of a scenario that goes on so in its third line."""
    with pytest.raises(ConfigError) as caught:
        loader.parse(HEAD + text, "x.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    "value", ["2026-02-30", "0x_", "!!bool maybe", "!!timestamp x", "!!float x", "1" * 5000]
)
def test_a_value_that_yaml_cannot_make_is_named(value):
    """Its line, and the way out: an error of the parser's own tells a user nothing."""
    shown = repr(value.split(" ")[-1])[:50]
    message = told(f"about: {value}\n")
    assert message.startswith(f"x.yaml:3: {shown}")
    assert message.endswith("cannot be read as a value; put strings in quotes")


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 5000 + "]" * 5000, "a: " + "[" * 50 + "]" * 50, "{a: " * 50 + "1" + "}" * 50],
)
def test_nesting_has_an_end(text):
    """A bound of ours, wherever Python's stack would have ended."""
    assert told(f"about: {text}\n").startswith("x.yaml:3: ")
    assert "lists and mappings are nested more than 32 deep" in told(f"about: [{{{text}}}]\n")


def test_a_repeated_key_is_an_error():
    """The first of two lists of objectives would be gone without a word."""
    assert told("sla: []\nsla: []\n") == ("x.yaml:4: the key 'sla' occurs twice in a mapping")
    assert told("load: {users: 2, users: 3}\n").startswith("x.yaml:3: the key 'users' occurs twice")


def test_a_key_that_is_not_a_string_is_refused():
    """Without quotes, `on` is a truth value and `1` is a number."""
    assert told("load: {on: 2}\n") == "x.yaml:3: a key must be a string; got on without quotes"
    assert told("load:\n  1: 2\n") == "x.yaml:4: a key must be a string; got 1 without quotes"


def test_what_a_merge_brings_may_be_given_anew():
    """`<<` fills in what is missing: that is no repetition."""
    shares = "direct: &a {weight: 2, percent: 9}, group: {<<: *a, weight: 3}"
    text = f"{HEAD}about: x\nload: {{workload: {{{shares}}}}}\n"
    shares = loader.parse(text, "x.yaml").load.shares()
    assert (shares["group"].weight, shares["group"].percent) == (3, 9)
