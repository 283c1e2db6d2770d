"""Texts like those that people send: many lengths and scripts, emoji, quotes, markup.

A system that cuts long messages, replaces what is not ASCII, normalizes or trims text, or unescapes
markup once too often changes some of these texts, and then the checksum of the body is wrong.
"""

import random
from collections.abc import Sequence

DEFAULT_BYTES_MAX = 36_864  # of a body, where neither the scenario nor the adapter sets a limit
_COUNT = 480
# Every 24th text is long, so that each sender soon sends one, and so that the mean stays small.
_LONG_EVERY = 24
_LONG_FROM_BYTES, _LONG_TO_BYTES = 512, 16_384
_MEDIAN_BYTES, _SPREAD = 60, 1.0  # of the short texts; log-normal
# Each author starts elsewhere, so that even a short load contains all kinds of texts.
_AUTHOR_STRIDE = 37
# The only text of the largest size, because such texts cost most: the third one of the first author
# in each conversation, so that short loads have it, too.
_LARGEST = _AUTHOR_STRIDE + 3

_PLAIN = (
    "See you at noon?",
    "The build has finished, 3 of 412 tests failed.",
    "ok",
    "Can someone review the second paragraph before the release on Thursday?",
)
# One example of each way in which text can be mangled. Escapes name what cannot be seen.
_DIFFICULT = (
    "Zażółć gęślą jaźń, größer, naïve, œuvre",  # Latin beyond ASCII, beyond Latin-1
    "cafe\u0301 man\u0303ana A\u030a x\u0323\u0307",  # combining marks: differs when normalized
    "Когда придёт поезд?",
    "Πότε φτάνει το τρένο;",
    "متى يصل القطار؟ \u200fغدًا\u200f 12:30",  # right to left, with marks of direction
    "מָתַי מַגִּיעָה הָרַכֶּבֶת?",  # right to left, with vowel points
    "列車は何時に到着しますか。",
    "火车几点到？𠀋𪚥",  # also characters outside the Basic Multilingual Plane
    "기차가 언제 도착하나요",
    "ट्रेन कब आएगी? क्षि",
    "รถไฟจะมาถึงเมื่อไหร่",
    "👍 🎉 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👋🏽 ❤️",  # joined, modified and paired symbols
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ﬁ ① ½ ﷺ",  # compatibility characters: differs when normalized
    "\"double\" 'single' `back` “curly” \\backslash\\ \\n \\u0041 \\\\",
    "<b>bold</b> & &amp; &lt;i&gt; <![CDATA[x]]> <!-- y --> </body>",
    '{"type":"msg","body":[1,2.0,null]} %s %00 %2F {0} ${HOME} $(id)',
    "'); DROP TABLE messages;-- \" OR 1=1 | a || b ; c",
    "https://example.org/?q=a+b&c=%20d#e @all #general :smile: *bold* _it_ ~no~",
    "  two leading, two inner,  and two trailing spaces  ",
    "first line\nsecond line\n\n\tindented with a tab",
    # What may have a special meaning at the beginning of a message.
    "/me waves",
    "//comment /etc/passwd ../..",
    "@all",
    "#1 !ping ?help .info >quote",
    "-5 +1 =SUM(A1:A9) 0x10 1e3 NaN null true",
    "[1,2] {{template}} (c) ::shortcut::",
    "\ufeffwith a byte order mark",
    "\u0301begins with a combining mark",
    "\t\n  begins and ends with white space \n\t",
    "e" + "\u0301\u0323\u0308" * 24 + " one long cluster; delete \x7f",
    "no\u00a0break soft\u00adhyphen zero\u200bwidth \u2028separator \ufefforder mark",
)
# What a system carries that declares `any_character`: XML has no such characters, or replaces them.
# With these, too, the number of phrases is no multiple of _AUTHOR_STRIDE: otherwise all authors
# would begin with the same ones.
_ANY_CHARACTER = (
    "bell \x07, \x1b[31mred\x1b[0m, backspace \x08, unit \x1f, end of transmission \x04",
    "\x01begins and ends with a control character\x02",
    "lines end with \r\n or \r or \n",
    "vertical \x0b, form feed \x0c, next line \x85, paragraph \u2029, line \u2028",
    "\ufe0fa selector without a symbol, and a joiner without a second one \u200d",
    "no characters \uffff \ufdd0 \U0010ffff",
    "replaced \ufffd, private \ue000, tag \U000e0041",
)


class MessageTexts:
    """The texts of a run: the same for the same seed, limits and characters.

    `bytes_max` limits the UTF-8 length of a text. Without `alphabet`, all characters can be used
    that XML 1.0 and PostgreSQL accept, too, or with `any_character` all but U+0000.
    """

    def __init__(
        self,
        seed: int,
        bytes_max: int,
        alphabet: str | None = None,
        *,
        any_character: bool = False,
    ) -> None:
        chance = random.Random(seed)
        special = (*_DIFFICULT, *(_ANY_CHARACTER if any_character else ()))
        plain, difficult = _carried(_PLAIN, alphabet), _carried(special, alphabet)
        separator = " " if alphabet is None or " " in alphabet else ""
        self._texts: list[str] = []
        for number in range(_COUNT):
            # Whatever its length, a text begins with one of the difficult phrases, in turn.
            phrases = [difficult[number % len(difficult)]]
            _fill(phrases, _length(chance, number, bytes_max), chance, (plain, difficult))
            text = separator.join(phrases).encode()[:bytes_max]
            self._texts.append(text.decode(errors="ignore"))

    def text(self, author: int, sseq: int) -> str:
        """Return the text of an author's message number `sseq`."""
        return self._texts[(author * _AUTHOR_STRIDE + sseq) % _COUNT]


def _carried(phrases: Sequence[str], alphabet: str | None) -> list[str]:
    """Return what is left of phrases when only the characters of an alphabet can be carried."""
    if alphabet is None:
        return list(phrases)
    allowed = set(alphabet)
    left = ["".join([letter for letter in phrase if letter in allowed]) for phrase in phrases]
    return [phrase for phrase in left if phrase] or ["abc"]  # letters are in every alphabet


def _length(chance: random.Random, number: int, bytes_max: int) -> int:
    """Return the length of a text in bytes: usually short, regularly long, once the maximum."""
    if number == _LARGEST:
        return bytes_max
    if number % _LONG_EVERY == 0 and bytes_max > _LONG_FROM_BYTES:
        # Uniform in the logarithm: as many between 1 and 2 KiB as between 8 and 16 KiB.
        most = min(bytes_max, _LONG_TO_BYTES)
        return int(_LONG_FROM_BYTES * (most / _LONG_FROM_BYTES) ** chance.random())
    return min(bytes_max, int(_MEDIAN_BYTES * chance.lognormvariate(0, _SPREAD)))


def _fill(
    phrases: list[str], length: int, chance: random.Random, kinds: tuple[list[str], list[str]]
) -> None:
    """Add phrases of both kinds at random until they have at least `length` bytes."""
    size = len(phrases[0].encode())
    while size < length:
        phrase = chance.choice(chance.choice(kinds))
        phrases.append(phrase)
        size += len(phrase.encode())
