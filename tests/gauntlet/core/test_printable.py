"""Texts without characters that control a terminal."""

import pytest

from gauntlet.core.printable import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[31mb\n", "a�[31mb�"),
        ("half of a pair: \ud83d", "half of a pair: �"),
        ("Grüße, 世界 🎉", "Grüße, 世界 🎉"),
    ],
)
def test_control_characters_are_replaced_and_all_others_are_kept(text, expected):
    assert printable(text) == expected
