"""Suite files, and how errors in them are reported."""

import pytest

from gauntlet.campaigns.gate import suite
from gauntlet.core.errors import ConfigError

GOOD = """\
version: 1
scenarios: [steady, gateway-crash]
repeat: 2
sla:
  - {id: ack, indicator: ack_p99_ms, op: "<", value: 500}
  - {id: slower, indicator: delivery_p50_ms, op: "<", value: +10%, relative_to: baseline}
compare: {against: {target: {url: ["ws://127.0.0.1:9"]}}, pairs: 7, min_effect: 5%, alpha: 0.02}
labels: {version: "2.3"}
"""


@pytest.fixture
def load(tmp_path):
    def load(text, name="nightly.yaml"):
        file = tmp_path / name
        file.write_text(text)
        return suite.load(file)

    return load


def test_a_suite_has_the_name_of_its_file_and_all_that_it_says(load):
    found = load(GOOD)
    assert (found.name, found.scenarios, found.repeat) == (
        "nightly",
        ["steady", "gateway-crash"],
        2,
    )
    assert (found.compare.pairs, found.compare.looks, found.compare.alpha) == (7, 3, 0.02)
    assert found.labels == {"version": "2.3"}


def test_looks_cover_the_most_pairs(load):
    text = GOOD.replace("pairs: 7", "pairs: 5, max_pairs: 12")
    assert load(text).compare.looks == 3
    assert load(GOOD.replace("pairs: 7", "pairs: 5, max_pairs: 5")).compare.looks == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 1", "version: 2", r"nightly.yaml:1: version must be 1; got 2"),
        ("version: 1", "", r"nightly.yaml:\d: version is missing"),
        ("repeat: 2", "repeat: two", r"nightly.yaml:3: repeat must be a whole number; got 'two'"),
        ("repeat: 2", "repeat: 0", "nightly.yaml:3: repeat must be between 1 and"),
        ("repeat: 2", "repeats: 2", "yaml:3: repeats is not a known key; allowed: version, scen"),
        ("[steady, gateway-crash]", "[]", "scenarios must name at least one scenario"),
        ("pairs: 7", "pairs: 2", "nightly.yaml:7: compare.pairs must be between 3 and"),
        ("pairs: 7", "pairs: x", r"yaml:7: compare.pairs must be a whole number; got 'x'"),
        ("pairs: 7", "pairs: 7, max_pairs: 6", "compare.max_pairs must be between"),
        ("alpha: 0.02", "alpha: 0.5", "compare.alpha must be above 0"),
        ("alpha: 0.02", "alpha: .nan", "compare.alpha must be above 0"),
        ("min_effect: 5%", "min_effect: 0%", "min_effect must be above 0%"),
        ("min_effect: 5%", "min_effect: 5", "compare.min_effect must be a string; got 5"),
        ('version: "2.3"', "version: 2.3", r"labels.version must be a string; got 2\.3"),
        ("min_effect: 5%", "min_effect: 5 percent", "must be a percentage"),
        ("{against:", "{baseline: old, against:", "either `baseline` or `against`"),
        ('version: "2.3"', 'Version: "2.3"', "a label must be KEY=VALUE"),
    ],
)
def test_wrong_suites_are_refused_with_the_place(load, old, new, message):
    assert old in GOOD
    with pytest.raises(ConfigError, match=message):
        load(GOOD.replace(old, new))


def test_a_relative_objective_needs_something_to_compare_with(load):
    text = "".join(line for line in GOOD.splitlines(keepends=True) if "compare:" not in line)
    with pytest.raises(ConfigError, match="'slower' is relative to a baseline"):
        load(text)


def test_files_that_hold_no_suite_are_refused(load, tmp_path):
    for text in ("", "[]", "version: 1", "\x00"):
        with pytest.raises(ConfigError):
            load(text)
    with pytest.raises(ConfigError, match="name must be"):
        load(GOOD, "Nightly Suite.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        suite.load(tmp_path / "none.yaml")
