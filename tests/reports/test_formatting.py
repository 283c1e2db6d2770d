"""How numbers are written for people."""

import pytest

from gauntlet.reports import formatting


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (1.0, "+0.0 %"),
        (1.143, "+14.3 %"),
        (0.5, "-50.0 %"),
        (12.0, "× 12"),
        (1e6, "× 1,000,000"),
        (1e300, "> × 1,000,000"),
    ],
)
def test_a_change_is_in_per_cent_or_a_multiple(factor, text):
    assert formatting.change(factor) == text


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (("6.4 ms", "6.61 ms"), ("6.40 ms", "6.61 ms")),
        (("0.309", "0.32"), ("0.309", "0.320")),
        (("46", "39.6", "52.5"), ("46.0", "39.6", "52.5")),
        (("82.5", "67.9", "100"), ("82.5", "67.9", "100")),
        (("51", "45", "57"), ("51", "45", "57")),
        (("9.98 ms", "10 ms"), ("9.98 ms", "10.0 ms")),
        (("999 ms", "1.2 s"), ("999 ms", "1.2 s")),
        (("0 ms", "1.25 ms"), ("0 ms", "1.25 ms")),
        (("1,250", "2.5"), ("1,250", "2.5")),
        (("–", "6.4 ms"), ("–", "6.4 ms")),
        (("2.5", "2.45", "∞"), ("2.50", "2.45", "∞")),
    ],
)
def test_values_beside_each_other_have_the_same_decimals(texts, shown):
    assert formatting.same_decimals(*texts) == shown


@pytest.mark.parametrize(
    ("indicator", "words"),
    [
        ("delivery_p99_ms", "p99 until delivered"),
        ("ack_p50_ms", "median time until acknowledged"),
        ("ack_max_ms", "longest time until acknowledged"),
        ("acked_per_s", "acknowledged per second"),
        ("recovery_ms", "time until recovered"),
        ("lost_connections_count", "lost_connections_count"),
    ],
)
def test_figures_are_in_words(indicator, words):
    assert formatting.figure(indicator) == words


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (1_234, "1,234 entries")],
)
def test_a_noun_agrees_with_its_number(count, text):
    assert formatting.counted(count, "entry", "entries") == text
