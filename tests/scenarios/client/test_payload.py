"""Building, parsing and caching message bodies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.history import STRANGER_SSEQ, NamedFlag
from gauntlet.scenarios.adapters.base import Entry, Sent
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.client.payload import OTHER_STAMP
from gauntlet.scenarios.workloads.message_texts import MessageTexts

NUMBERS = st.integers(0, 2**32 - 1)


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(0, 2**62), st.integers(100, 2000))
def test_a_body_of_the_requested_size_parses_to_what_it_was_built_from(
    conv, author, sseq, intended_ns, size
):
    body = payload.build(conv, author, sseq, intended_ns, size)
    assert payload.parse(body) == payload.Payload("", conv, author, sseq, intended_ns, intact=True)
    assert len(body.encode()) == size


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(0, 2**62), st.text())
def test_a_body_carries_any_text(conv, author, sseq, intended_ns, text):
    body = payload.wrap_text(conv, author, sseq, intended_ns, text)
    assert payload.parse(body) == payload.Payload("", conv, author, sseq, intended_ns, intact=True)
    assert payload.unwrap_text(body) == text


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(0, 2**62), st.text())
def test_a_body_begins_with_any_text(conv, author, sseq, intended_ns, text):
    body = payload.begin_with_text(conv, author, sseq, intended_ns, text, "ab12cd34")
    assert body.startswith(text)
    known = payload.Payload("ab12cd34", conv, author, sseq, intended_ns, intact=True)
    assert payload.parse(body) == known
    assert payload.unwrap_text(body) == text
    assert len(body) == len(payload.wrap_text(conv, author, sseq, intended_ns, text, "ab12cd34"))


@pytest.mark.parametrize(
    "change",
    [
        str.strip,
        lambda body: body[1:],
        lambda body: body[:-1],
        lambda body: body + " ",
        lambda body: body.replace("/me", "ann"),
        lambda body: body.replace("g3", "g2"),
    ],
)
def test_a_body_that_begins_with_a_text_shows_any_change(change):
    read = payload.parse(change(payload.begin_with_text(1, 2, 3, 4, " /me waves")))
    assert read is None or not read.intact


def test_the_texts_of_a_run_are_in_front_and_behind():
    bodies = payload.BodyCache("ab12cd34", texts=MessageTexts(1, 200))
    built = [bodies.build(1, 2, sseq, 4, 0) for sseq in range(1, 41)]
    in_front = [body for body in built if not body.startswith(payload.MARK)]
    assert 15 <= len(in_front) <= 25
    assert all(payload.parse(body).intact for body in built)


def test_the_text_of_a_foreign_body_is_the_whole_body():
    assert payload.unwrap_text("one|two") == "one|two"


@given(st.data())
def test_a_body_with_one_changed_character_is_foreign_or_not_intact(data):
    bodies = payload.BodyCache("ab12cd34")
    body = bodies.build(7, 8, 9, 10, 120)
    at = data.draw(st.integers(0, len(body) - 1))
    replacement = data.draw(st.characters(codec="ascii").filter(lambda letter: letter != body[at]))
    read = payload.parse(body[:at] + replacement + body[at + 1 :])
    assert read is None or not read.intact
    assert read is None or not bodies.is_of_another_run(read)


def test_other_texts_and_numbers_too_large_for_a_record_are_no_payload():
    for body in (
        "",
        "hello",
        "g1|1|2|3|4|5",
        "g1|a|2|3|4|5|",
        f"g1|{2**32}|1|1|1|0|",
        "g2||1|2|3|4|5",
        "g2||a|2|3|4|5|",
        f"g2||{2**32}|1|1|1|0|",
        f"g2||1|1|1|{2**63}|0|",
    ):
        assert payload.parse(body) is None


def test_a_cached_body_reads_like_a_parsed_one():
    bodies = payload.BodyCache(size=2)
    built = [bodies.build(1, 2, sseq, 50 + sseq, 120) for sseq in range(1, 8)]
    for sseq, body in enumerate(built, 1):
        assert bodies.read(body) == payload.Payload("", 1, 2, sseq, 50 + sseq, intact=True)


def test_a_corrupted_copy_of_a_cached_body_is_not_intact():
    bodies = payload.BodyCache()
    body = bodies.build(1, 2, 3, 4, 120)
    read = bodies.read(body[:-1] + "!")
    assert read is not None
    assert not read.intact


def test_the_cache_is_bounded():
    bodies = payload.BodyCache(size=10)
    for sseq in range(1000):
        bodies.build(1, 2, sseq, 4, 120)
    assert len(bodies._recent) + len(bodies._previous) <= 20


def test_an_intact_body_with_the_tag_of_another_run_is_of_another_run():
    bodies = payload.BodyCache("ab12cd34")
    for run in ("", "00000000", "ab12cd3"):
        read = bodies.read(payload.build(1, 2, 3, 4, 120, run))
        assert read == payload.Payload(run, 1, 2, 3, 4, intact=True)
        assert bodies.is_of_another_run(read)
    assert not bodies.is_of_another_run(bodies.read(payload.build(1, 2, 3, 4, 120, "ab12cd34")))


def test_a_body_of_version_0_1_is_of_an_earlier_run():
    body = "g1|1|2|3|500|4e90df47|" + "defg"
    read = payload.parse(body)
    assert (read.run, read.conv, read.author, read.sseq) == (payload.OLD_RUN, 1, 2, 3)
    assert read.intact
    assert payload.BodyCache("").is_of_another_run(read)
    assert payload.unwrap_text(body) == "defg"


def test_the_parts_of_a_body_are_of_the_declared_alphabet():
    body = payload.build(1, 2, 3, 4, 400, "ab12cd34")
    assert set(body) <= payload.ALPHABET


def test_a_body_without_a_size_has_a_text_of_the_run():
    texts = MessageTexts(1, 2_000)
    bodies = payload.BodyCache("ab12cd34", texts=texts)
    for sseq in range(100):
        body = bodies.build(1, 2, sseq, 4, 0)
        assert payload.unwrap_text(body) == texts.text(2, sseq)
        assert bodies.read(body) == payload.Payload("ab12cd34", 1, 2, sseq, 4, intact=True)


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(0, 2**63 - 1))
def test_a_body_with_the_longest_text_is_no_longer_than_the_limit(conv, author, sseq, intended_ns):
    text = "x" * payload.text_bytes_max(500, "ab12cd34")
    body = payload.wrap_text(conv, author, sseq, intended_ns, text, "ab12cd34")
    assert 500 - 60 <= len(body.encode()) <= 500


def test_half_a_surrogate_pair_in_a_body_is_damage():
    """JSON may contain it, and it has no UTF-8."""
    text = payload.wrap_text(1, 2, 3, 4, "fine") + "\ud800"
    assert not payload.parse(text).intact
    assert payload.parse("g2||1|2|3|4|00000000|\udfff") is not None


def named(**changed):
    """Return the names of a run, which are compared."""
    about = {"per_sender": False, "compared": True, "stamp_unit_s": 0.001}
    return payload.MessageNames("ab12-", **about | changed)


def sent(sseq=3, *, built=True):
    """Return the content of a message, of this worker or of another one."""
    content = payload.Payload("ab12", 1, 2, sseq, 4, intact=True)
    content.built = built
    return content


def copy(seq=1, **names):
    """Return a copy of a message with names."""
    return Entry("d.a.b", seq, "b", "", **names)


CORRECT = "g1.ab12-1.2.3"
OTHER = NamedFlag.OTHER_MESSAGE | NamedFlag.SHOWN


@pytest.mark.parametrize(("name", "found"), [("", 0), (CORRECT, 0), ("g1.ab12-1.2.4", OTHER)])
def test_a_copy_has_the_id_that_its_sender_chose(name, found):
    names, content = named(), sent()
    for _ in range(2):
        assert names.compare(content, copy(client_msg_id=name)) == found


def test_ids_are_those_of_a_sender_where_the_system_says_so():
    assert named(per_sender=True).compare(sent(), copy(client_msg_id="g1.ab12-s.3")) == 0


def test_all_copies_have_the_id_of_the_first_one():
    names, content = named(), sent()
    found = [names.compare(content, copy(id=name)) for name in ("m1", "m1", "", "m2", "m1")]
    assert found == [0, 0, 0, NamedFlag.SHOWN, 0]


def test_the_first_copy_of_a_message_of_another_worker_is_worth_a_record():
    names, content = named(), sent(built=False)
    found = [names.compare(content, copy(id=name)) for name in ("m1", "m1", "m2")]
    assert found == [NamedFlag.SHOWN, 0, NamedFlag.SHOWN]


@pytest.mark.parametrize(
    ("unit_s", "second_ms", "differs"),
    [
        (0.001, 5_000, False),
        (0.001, 5_001, True),
        (0.001, 4_999, True),
        (1.0, 5_999, False),
        (1.0, 6_000, True),
        (1e-6, 5_001, True),
        (None, 9_000, False),
        (0.001, 0, False),
    ],
)
def test_all_copies_have_one_time_stamp_in_the_unit_of_the_system(unit_s, second_ms, differs):
    names, content = named(stamp_unit_s=unit_s), sent()
    assert names.compare(content, copy(stamped_ms=5_000)) == 0
    found = names.compare(content, copy(stamped_ms=second_ms))
    assert found == (OTHER_STAMP if differs else 0)
    told = Sent("yes", id="", stamped_ms=second_ms)
    assert names.acknowledge(content, told) == ("", differs)


@pytest.mark.parametrize(
    ("names", "content"), [(named(compared=False), sent()), (named(), sent(STRANGER_SSEQ))]
)
def test_where_names_are_not_comparable_nothing_is_found(names, content):
    for name in ("m1", "m2"):
        entry = copy(client_msg_id=name, id=name, stamped_ms=len(name))
        assert names.compare(content, entry) == 0


@pytest.mark.parametrize(
    ("shown", "acknowledged", "other"),
    [("", "m1", ""), ("m1", "m1", ""), ("m2", "m1", "m2"), ("m2", "", "")],
)
def test_an_acknowledgement_is_compared_with_the_copy_that_came_before(shown, acknowledged, other):
    names, content = named(), sent()
    names.compare(content, copy(id=shown))
    assert names.acknowledge(content, Sent("yes", id=acknowledged)) == (other, False)
    # From now on, the acknowledgement counts.
    assert names.compare(content, copy(id=acknowledged or shown)) == 0


def test_a_parsed_body_is_kept_unless_it_is_of_another_run_or_damaged():
    bodies = payload.BodyCache("ab12")
    own = payload.build(1, 2, 3, 4, 120, "ab12")
    for body, kept in [(own, True), (own[:-1] + "!", False), (own.replace("ab12", "cd34"), False)]:
        first = bodies.read(body)
        assert first is not None
        assert not first.built
        assert (bodies.read(body) is first) is kept
        assert (bodies.known(body) is first) is kept


def test_a_body_that_was_built_here_is_known_as_such():
    bodies = payload.BodyCache()
    known = bodies.known(bodies.build(1, 2, 3, 4, 120))
    assert known is not None
    assert known.built
