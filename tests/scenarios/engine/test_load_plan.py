"""What is planned of a load before anything connects: the bodies of its messages."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.traits import Traits
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.engine.load_plan import plan_load
from gauntlet.scenarios.schedule.arrivals import Stripe


def plan(tmp_path, monkeypatch, traits, **load):
    """Plan a load for a system with the given traits."""
    monkeypatch.setattr(Reference, "traits", traits)
    plain = {"version": 1, "name": "x", "about": "x", "load": {"users": 4, **load}}
    run = RunDir.create(tmp_path, "x", 1)
    return plan_load(LoadFile(from_builtins(plain), run, ["http://127.0.0.1:9"], 1), Stripe())


def longest(texts):
    return max(len(texts.text(author, 0).encode()) for author in range(1_000))


@pytest.mark.parametrize(
    ("traits", "bodies", "most"),
    [
        (Traits(), {}, 36_864),
        (Traits(max_body_bytes=2_000), {}, 2_000),
        (Traits(max_body_bytes=2_000), {"max_bytes": 700}, 700),
        (Traits(), {"max_bytes": 65_536}, 65_536),
    ],
)
def test_the_longest_text_fills_what_the_scenario_or_the_adapter_allows(
    traits, bodies, most, tmp_path, monkeypatch
):
    texts = plan(tmp_path, monkeypatch, traits, bodies=bodies).texts
    assert most - 120 <= longest(texts) <= most - 60


@pytest.mark.parametrize("load", [{"body_bytes": 400}, {"bodies": {"kind": "fixed"}}])
def test_fixed_bodies_have_no_texts(load, tmp_path, monkeypatch):
    assert plan(tmp_path, monkeypatch, Traits(), **load).texts is None


@pytest.mark.parametrize(
    ("load", "key"),
    [
        ({"body_bytes": 400}, "load.body_bytes"),
        ({"bodies": {"kind": "fixed", "bytes": 400}}, "load.bodies.bytes"),
        ({"bodies": {"max_bytes": 400}}, "load.bodies.max_bytes"),
    ],
)
def test_bodies_beyond_the_limit_of_the_adapter_are_refused(load, key, tmp_path, monkeypatch):
    with pytest.raises(ConfigError) as caught:
        plan(tmp_path, monkeypatch, Traits(max_body_bytes=399), **load)
    assert str(caught.value) == f"{key} must be at most 399 (adapter 'reference'); got 400"


def test_texts_consist_of_what_the_adapter_can_carry(tmp_path, monkeypatch):
    letters = "abcdefghijklmnopqrstuvwxyz0123456789|"
    texts = plan(tmp_path, monkeypatch, Traits(alphabet=letters)).texts
    assert {letter for number in range(500) for letter in texts.text(number, 1)} <= set(letters)


def test_an_alphabet_without_the_characters_of_the_tag_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"cannot carry the characters '\|'"):
        plan(tmp_path, monkeypatch, Traits(alphabet="abcdefghijklmnopqrstuvwxyz0123456789"))
