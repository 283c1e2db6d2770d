"""Message bodies."""

from hypothesis import given
from hypothesis import strategies as st

from gauntlet.scenarios.client import payload

NUMBERS = st.integers(0, 2**32 - 1)


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(0, 2**62), st.integers(100, 2000))
def test_a_body_says_what_it_was_built_from(conv, author, sseq, intended_ns, size):
    """Every body can be read back, is intact, and has the size that was asked for."""
    body = payload.build(conv, author, sseq, intended_ns, size)
    assert payload.parse(body) == payload.Payload(conv, author, sseq, intended_ns, intact=True)
    assert len(body.encode()) == size


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(0, 2**62), st.text())
def test_a_body_carries_any_text(conv, author, sseq, intended_ns, text):
    """What somebody wrote comes back as it was, in a body that is checked as any other."""
    body = payload.wrap_text(conv, author, sseq, intended_ns, text)
    assert payload.parse(body) == payload.Payload(conv, author, sseq, intended_ns, intact=True)
    assert payload.unwrap_text(body) == text


def test_the_text_of_a_foreign_body_is_the_whole_of_it():
    """A stranger's message can be heard too."""
    assert payload.unwrap_text("one|two") == "one|two"


@given(st.data())
def test_one_changed_character_is_seen(data):
    """A corrupted body is not ours, or not intact: it never passes for another message."""
    body = payload.build(7, 8, 9, 10, 120)
    at = data.draw(st.integers(0, len(body) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda one: one != body[at]))
    read = payload.parse(body[:at] + other + body[at + 1 :])
    assert read is None or not read.intact


def test_what_is_not_ours_is_nothing():
    """Other texts, and numbers that a record cannot hold, are no payload."""
    for body in ("", "hello", "g1|1|2|3|4|5", "g1|a|2|3|4|5|", f"g1|{2**32}|1|1|1|0|"):
        assert payload.parse(body) is None


def test_a_remembered_body_reads_as_a_parsed_one():
    """Whether a body is still remembered or not, it says the same."""
    bodies = payload.BodyCache(size=2)
    built = [bodies.build(1, 2, sseq, 50 + sseq, 120) for sseq in range(1, 8)]
    for sseq, body in enumerate(built, 1):
        assert bodies.read(body) == payload.Payload(1, 2, sseq, 50 + sseq, intact=True)


def test_a_corrupted_body_is_not_mistaken_for_the_one_that_is_remembered():
    """A changed padding leaves the numbers readable and the checksum broken."""
    bodies = payload.BodyCache()
    body = bodies.build(1, 2, 3, 4, 120)
    read = bodies.read(body[:-1] + "!")
    assert read is not None
    assert not read.intact


def test_few_bodies_are_remembered():
    """Memory does not grow with the length of a load."""
    bodies = payload.BodyCache(size=10)
    for sseq in range(1000):
        bodies.build(1, 2, sseq, 4, 120)
    assert len(bodies._recent) + len(bodies._previous) <= 20
