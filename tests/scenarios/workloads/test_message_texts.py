"""The texts of realistic bodies: what they contain, and how long they are."""

import unicodedata
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import pytest

from gauntlet.scenarios.workloads.message_texts import DEFAULT_BYTES_MAX, MessageTexts

AUTHORS, EACH = 20, 24


def texts_of(
    bytes_max=DEFAULT_BYTES_MAX, alphabet=None, seed=7, authors=AUTHORS, each=EACH, **more
):
    texts = MessageTexts(seed, bytes_max, alphabet, **more)
    return [texts.text(author, sseq) for author in range(authors) for sseq in range(each)]


def test_the_same_seed_gives_the_same_texts_and_another_seed_others():
    assert texts_of(seed=1) == texts_of(seed=1)
    assert texts_of(seed=1) != texts_of(seed=2)


@pytest.mark.parametrize("bytes_max", [0, 20, 100, 1_000, 16_384, 65_536])
def test_no_text_is_longer_than_the_limit(bytes_max):
    lengths = [len(text.encode()) for text in texts_of(bytes_max)]
    assert bytes_max - 4 <= max(lengths) <= bytes_max


def test_the_first_author_soon_sends_the_largest_text():
    few = texts_of(authors=2, each=4)
    assert [len(text.encode()) > 32_768 for text in few] == [False] * 7 + [True]


def test_most_texts_are_short_and_each_load_has_long_ones():
    lengths = sorted(len(text.encode()) for text in texts_of())
    assert 20 < lengths[len(lengths) // 2] < 200
    assert sum(lengths) / len(lengths) < 600
    few = [len(text.encode()) for text in texts_of(authors=10, each=8)]
    assert any(length > 1_024 for length in few)
    assert any(length < 40 for length in few)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.encode("ascii", "replace").decode(),
        lambda text: text.encode("latin-1", "replace").decode("latin-1"),
        lambda text: "".join(letter for letter in text if ord(letter) < 0x10000),
        lambda text: unicodedata.normalize("NFC", text),
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFKC", text),
        str.strip,
        str.lstrip,
        str.rstrip,
        lambda text: text.lstrip("\ufeff"),
        lambda text: text.replace("\x7f", ""),
        lambda text: "" if text.startswith("/") else text,
        lambda text: "" if text.startswith(("@", "#")) else text,
        lambda text: "" if text.startswith(("{", "[")) else text,
        lambda text: text[:16_384],
        lambda text: text.encode()[:32_768].decode(errors="ignore"),
        str.lower,
        lambda text: " ".join(text.split()),
        lambda text: text.replace("<", "&lt;"),
        lambda text: text.replace("&amp;", "&"),
        lambda text: text.replace("\\", ""),
        lambda text: text.replace('"', "'"),
        lambda text: text.replace("'", "''"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\u200d", ""),
        lambda text: text.replace("\u200f", ""),
        lambda text: text.replace("|", ""),
        lambda text: text.replace("%2F", "/"),
        lambda text: text[:1_024],
        lambda text: text[:8_192],
        lambda text: text.encode()[:255].decode(errors="ignore"),
    ],
)
def test_each_usual_way_of_mangling_text_changes_several(change):
    changed = [text for text in texts_of() if change(text) != text]
    assert len(changed) >= 2


@pytest.mark.parametrize(
    "change",
    [
        *(lambda text, code=code: text.replace(chr(code), "") for code in (1, 2, 4, 7, 8, 27, 31)),
        *(lambda text, code=code: text.replace(chr(code), " ") for code in (11, 12, 13, 133)),
        lambda text: text.replace("\r\n", "\n"),
        lambda text: text.replace("\r", "\n"),
        lambda text: " ".join(text.splitlines()),
        lambda text: text.replace("\u2029", "\n"),
        lambda text: text.lstrip("\ufe0f"),
        lambda text: text.replace("\uffff", "\ufffd"),
        lambda text: text.replace("\U0010ffff", ""),
        lambda text: "".join(c for c in text if unicodedata.category(c) not in ("Cn", "Co")),
    ],
)
def test_control_characters_are_sent_where_the_adapter_declares_that_they_are_carried(change):
    texts = texts_of(any_character=True)
    assert sum(change(text) != text for text in texts) >= 2
    assert not any("\x00" in text for text in texts)


def test_xml_and_postgresql_can_carry_every_text():
    for text in texts_of():
        element = ET.fromstring(f"<body>{escape(text)}</body>")
        assert (element.text or "") == text
        assert "\x00" not in text


def test_texts_consist_of_the_alphabet_of_the_adapter():
    letters = "abcdefghijklmnopqrstuvwxyz0123456789|"
    assert {letter for text in texts_of(alphabet=letters) for letter in text} <= set(letters)
