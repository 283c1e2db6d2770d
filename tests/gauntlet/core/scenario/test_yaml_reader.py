"""YAML that is valid but cannot be used as a scenario."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from gauntlet.campaigns.gate import suite
from gauntlet.campaigns.plan.sources import prices
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import accounts, loader, secrets, yaml_reader
from gauntlet.core.scenario.overrides import sla_file
from gauntlet.core.scenario.secrets import Secret
from gauntlet.core.scenario.traces import arrival_trace
from gauntlet.runner.system_metrics import metrics_file
from gauntlet.scenarios import library

HEAD = "version: 1\nname: x\n"


def error_of(text):
    """Return the error of a scenario whose third line begins with this text."""
    with pytest.raises(ConfigError) as caught:
        loader.parse(HEAD + text, "x.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    "value", ["2026-02-30", "0x_", "!!bool maybe", "!!timestamp x", "!!float x", "1" * 5000]
)
def test_a_value_that_yaml_cannot_construct_is_reported_with_its_line(value):
    shown = repr(value.split(" ")[-1])[:50]
    message = error_of(f"about: {value}\n")
    assert message.startswith(f"x.yaml:3: {shown}")
    assert message.endswith("cannot be read as a value; put strings in quotes")


@pytest.mark.parametrize("text", ['about: "\\ud800"', '"\\udfff": 1'])
def test_half_of_a_surrogate_pair_is_refused(text):
    """YAML can write it, and no text file can."""
    message = error_of(text)
    assert message.startswith("x.yaml:3: ")
    assert message.endswith("contains half of a surrogate pair")


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 5000 + "]" * 5000, "a: " + "[" * 50 + "]" * 50, "{a: " * 50 + "1" + "}" * 50],
)
def test_deep_nesting_is_refused(text):
    """The limit is below the one of Python's stack."""
    assert error_of(f"about: {text}\n").startswith("x.yaml:3: ")
    assert "lists and mappings are nested more than 32 deep" in error_of(f"about: [{{{text}}}]\n")


def test_a_repeated_key_is_an_error():
    """YAML would silently ignore the first of two lists of objectives."""
    assert error_of("sla: []\nsla: []\n") == ("x.yaml:4: the key 'sla' occurs twice in a mapping")
    assert error_of("load: {users: 2, users: 3}\n").startswith(
        "x.yaml:3: the key 'users' occurs twice"
    )


def test_a_key_that_is_not_a_string_is_refused():
    """Without quotes, `no` is a truth value and `1` is a number."""
    assert error_of("load: {no: 2}\n") == "x.yaml:3: a key must be a string; got no without quotes"
    assert error_of("load:\n  1: 2\n") == "x.yaml:4: a key must be a string; got 1 without quotes"


def test_a_merged_key_can_be_overridden():
    shares = "direct: &a {weight: 2, percent: 9}, group: {<<: *a, weight: 3}"
    text = f"{HEAD}about: x\nload: {{workload: {{{shares}}}}}\n"
    shares = loader.parse(text, "x.yaml").load.shares()
    assert (shares["group"].weight, shares["group"].percent) == (3, 9)


@pytest.mark.parametrize("value", ["1:30", "-1:30:00", "1:30.5"])
def test_a_number_of_base_60_is_refused_with_its_line(value):
    """`users: 1:30` would be 90 users."""
    with pytest.raises(ConfigError, match=rf"^f:2: {value} would be a number of base 60 \(users\)"):
        yaml_reader.read(f"name: x\nusers: {value}\n", "f")
    assert yaml_reader.read(f'name: "{value}"', "f")[1] == {"name": value}


def test_merge_keys_that_double_a_mapping_again_and_again_are_refused_soon():
    """Thirty lines would otherwise make a thousand million keys."""
    levels = [f"a{n}: &a{n}\n  <<: [*a{n - 1}, *a{n - 1}]" for n in range(1, 31)]
    text = "\n".join(["a0: &a0 {x: 1, y: 2}", *levels])
    with pytest.raises(ConfigError, match=r"^f:23: .* 20000 keys and values, here in a11"):
        yaml_reader.read(text, "f")


def bomb(form):
    """Return seven lists or mappings of nine, each of which has the one before nine times."""
    items = ["x", *(f"*a{level}" for level in range(6))]
    key = "k{}: " if "{{" in form else ""
    levels = [form.format(", ".join(key.format(n) + item for n in range(9))) for item in items]
    return "[" + ", ".join(f"&a{n} {text}" for n, text in enumerate(levels)) + "]"


@pytest.mark.parametrize("key", ["about", "load", "nosuch", "version"])
@pytest.mark.parametrize(
    "text",
    [bomb("[{}]"), bomb("{{{}}}")],
    ids=["lists", "mappings"],
)
def test_aliases_that_multiply_a_list_again_and_again_are_refused_with_the_key(key, text):
    """To show the value in an error message took seconds, and more levels all of the memory."""
    head = HEAD if key != "version" else "name: x\nabout: x\n"
    with pytest.raises(ConfigError) as caught:
        loader.parse(f"{head}{key}: {text}\n", "x.yaml")
    problem = f"x.yaml:3: the file has more than 20000 keys and values, here in {key}"
    assert str(caught.value) == problem


def test_a_long_text_that_aliases_repeat_counts_as_often_as_it_occurs():
    text = f"about: [&a {'x' * 100_000}{', *a' * 300}]\n"
    assert error_of(text).endswith("more than 20000 keys and values, here in about")


def test_a_chain_of_aliases_does_not_nest_deeper_than_lists_may():
    """It would exceed Python's recursion limit when the value is shown."""
    links = "".join(f", &a{n} [*a{n - 1}]" for n in range(1, 50))
    message = error_of(f"about: [&a0 [x]{links}]\n")
    assert message == "x.yaml:3: lists and mappings are nested more than 32 deep"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("about: &a [*a]", "about[0]"),
        ("target: &a {server: *a}", "target.server"),
        ("target: &a {<<: *a}", "target.<<"),
        ("load: &a {x: [{y: *a}]}", "load.x[0].y"),
    ],
)
def test_an_alias_of_what_it_is_a_part_of_is_refused(text, key):
    assert error_of(text) == f"x.yaml:3: {key} is an alias of what it is a part of"


def test_aliases_and_merge_keys_of_ordinary_size_are_read_and_keep_their_lines():
    text = HEAD + (
        "about: x\nfaults:\n"
        "  - &a {id: a, kind: kill, target: edge, at: 1s, for: 1s}\n"
        "  - {<<: *a, id: b, at: 5s}\n"
        "  - {<<: *a, id: c, at: 9h}\n"
    )
    with pytest.raises(ConfigError, match=r"^x.yaml:7: faults\[2\].at must be early enough"):
        loader.parse(text, "x.yaml")
    faults = loader.parse(text.replace("9h", "9s"), "x.yaml").faults
    assert [(fault.id, fault.kind, fault.at) for fault in faults] == [
        ("a", "kill", 1.0), ("b", "kill", 5.0), ("c", "kill", 9.0)
    ]  # fmt: skip


@pytest.mark.parametrize("character", ["\0", "\x07", "\x7f", "\ufffe"])
def test_a_character_that_no_yaml_file_may_contain_is_reported_with_its_line(character):
    message = error_of(f"about: x{character}y\n")
    problem = f"the file is not valid YAML: it contains the character {ord(character):#06x}"
    assert message == f"x.yaml:3: {problem}"


@pytest.mark.parametrize("value", ["0100", "-017", "+0_7", "00"])
def test_a_number_of_base_8_is_refused_with_line_and_key(value):
    """`users: 0100` would be 64 users."""
    with pytest.raises(ConfigError) as caught:
        yaml_reader.read(f"load:\n  users: {value}\n", "f")
    problem = f"f:2: {value} would be a number of base 8 (load.users); omit the leading zero"
    assert str(caught.value) == problem
    assert yaml_reader.read(f'name: ["{value}", 0, 0.5, 100]', "f")[1] == {
        "name": [value, 0, 0.5, 100]
    }


@pytest.mark.parametrize("value", ["9" * 4000, "0x" + "f" * 5000, "-1" + "0" * 30, str(2**63)])
def test_a_number_that_no_result_could_hold_is_refused_with_line_and_key(value):
    """Python cannot even show one of 5,000 hexadecimal digits."""
    assert error_of(f"seed: {value}\n") == "x.yaml:3: seed is a number of more than 63 bits"
    assert yaml_reader.read(f"a: {2**63 - 1}", "f")[1] == {"a": 2**63 - 1}


def test_a_file_of_comments_without_end_is_not_parsed():
    with pytest.raises(ConfigError, match=r"^f:1: the file has more than 1048576 characters"):
        yaml_reader.read("name: x\n" + "# comment\n" * 110_000, "f")


def test_on_and_off_are_names_of_parameters_and_twice_the_same_is_refused():
    _, plain = yaml_reader.read("params: {on: 1s, off: 2s}\n", "x.yaml")
    assert plain == {"params": {"on": "1s", "off": "2s"}}
    with pytest.raises(ConfigError, match="'on' occurs twice"):
        yaml_reader.read('params: {on: 1s, "on": 2s}\n', "x.yaml")


def faults(number):
    return "faults:\n" + "- {id: f, kind: kill, target: broker, at: 1s}\n" * number


def test_a_list_of_twenty_thousand_faults_is_refused_with_its_key_and_line():
    assert error_of(faults(20_000)) == "x.yaml:4: faults has more than 1000 entries"


def test_a_list_within_a_list_is_named_by_its_path():
    text = f"load: {{profile: {{kind: step, steps: [{'1, ' * 1001}]}}}}\n"
    assert error_of(text) == "x.yaml:3: load.profile.steps has more than 1000 entries"
    text = f"faults: [{{params: {{heal: [{'a, ' * 1001}]}}}}]\n"
    assert error_of(text) == "x.yaml:3: faults[0].params.heal has more than 1000 entries"


def test_too_many_keys_and_values_are_refused_with_the_key_that_holds_them():
    """Also if each list is short."""
    text = "faults:\n" + f"- {{a: [{'1, ' * 900}]}}\n" * 30
    assert error_of(text).startswith("x.yaml:")
    assert "the file has more than 20000 keys and values, here in faults" in error_of(text)


@pytest.mark.parametrize(
    "text",
    [
        faults(20_000),
        "load:\n" + "".join(f"  k{n}: 1\n" for n in range(60_000)),
        "about: " + "[" * 500_000,
        "# comment\n" * 3_000_000,
        "about: '" + "x" * 30_000_000 + "'",
    ],
    ids=["faults", "keys", "nesting", "comment", "string"],
)
def test_a_hostile_file_is_refused_after_a_second_of_work(text, monkeypatch):
    """Counted in characters and nodes, because how long they take depends on the machine."""
    done = Counter()
    forward, compose = yaml.reader.Reader.forward, yaml_reader._Loader.compose_node

    def counting_forward(reader, length=1):
        done["characters"] += length
        forward(reader, length)

    def counting_compose(loader, parent, index):
        done["nodes"] += 1
        return compose(loader, parent, index)

    monkeypatch.setattr(yaml.reader.Reader, "forward", counting_forward)
    monkeypatch.setattr(yaml_reader._Loader, "compose_node", counting_compose)
    error_of(text)
    assert done["characters"] <= yaml_reader.CHARACTERS_MAX
    assert done["nodes"] <= yaml_reader._NODES_MAX + 2


@pytest.mark.parametrize(
    "text",
    [
        "load: {steady: '" + "1m" * 100_000 + "'}",
        "load: {rate: '" + "1" * 100_000 + "'}",
        "faults: [{id: x, kind: kill, target: edge, at: {after: '" + "9" * 5000 + " acks'}}]",
        "faults: [{id: x, kind: " + "k" * 100_000 + ", target: edge, at: 1s}]",
        "'" + "k" * 900 + "': 1",
        "load: {'" + "k" * 900 + "': 1}",
        "load: {workload: {'" + "k" * 900 + "': 1}}",
    ],
    ids=["duration", "rate", "moment", "kind", "key", "key-of-load", "workload"],
)
def test_the_message_about_a_long_text_is_short(text):
    message = error_of(f"about: x\n{text}\n")
    assert message.startswith("x.yaml:4: ")
    assert "…" in message
    assert len(message) < 1_500


def test_a_file_without_end_is_refused():
    with pytest.raises(ConfigError, match="more than 1048576 characters"):
        loader.load(Path("/dev/zero"))


def secret_of(file):
    return secrets.value_of("x", Secret(file=str(file)), None)


@pytest.mark.parametrize(
    ("read", "module", "limit"),
    [
        (arrival_trace.read, arrival_trace, "BYTES_MAX"),
        (lambda file: accounts.read(file, {}), accounts, "_BYTES_MAX"),
        (secret_of, secrets, "_CHARACTERS_MAX"),
    ],
    ids=["trace", "accounts", "secret"],
)
def test_a_device_without_end_is_refused_wherever_a_scenario_names_a_file(
    read, module, limit, monkeypatch
):
    """It has no size, so that it would fill the memory."""
    monkeypatch.setattr(module, limit, 1000)
    with pytest.raises(ConfigError, match=r"must have at most 1,?000 "):
        read(Path("/dev/zero"))


@pytest.mark.parametrize(
    "read",
    [
        sla_file.read,
        suite.load,
        lambda file: prices.read(file, []),
        lambda file: metrics_file.read(file, library.find("steady"), allow_exec=False),
    ],
)
def test_a_device_without_end_is_refused_by_every_reader(read):
    """It would fill the memory."""
    with pytest.raises(ConfigError, match="has more than 1048576 characters"):
        read(Path("/dev/zero"))
