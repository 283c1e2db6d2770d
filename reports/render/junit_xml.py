"""Writes JUnit XML that the schema of Jenkins and the common one (of Ant and Maven) accept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple
from xml.etree import ElementTree as ET  # only written here, never parsed

Ending = Literal["", "failure", "error", "skipped"]


class Case(NamedTuple):
    """One case; `ending` is empty if it passed, and `message` says what was found."""

    classname: str
    name: str
    ending: Ending = ""
    message: str = ""
    text: str = ""
    time_s: float = 0.0


class Suite(NamedTuple):
    """The cases of one scenario; `started` is a time of UTC, such as `2026-11-29T19:05:01`."""

    name: str
    cases: Sequence[Case]
    properties: Mapping[str, str]
    started: str
    time_s: float


def document(suites: Iterable[Suite]) -> str:
    """Return the whole document."""
    root = ET.Element("testsuites")
    for index, suite in enumerate(suites):
        root.append(_suite(index, suite))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(index: int, suite: Suite) -> ET.Element:
    count = {ending: sum(case.ending == ending for case in suite.cases) for ending in _COUNTED}
    element = ET.Element(
        "testsuite",
        id=str(index),
        name=clean(suite.name),
        package=clean(suite.name),
        timestamp=suite.started,
        hostname="localhost",  # which the schema asks for where the name is not to be told
        tests=str(len(suite.cases)),
        failures=str(count["failure"]),
        errors=str(count["error"]),
        skipped=str(count["skipped"]),
        time=f"{suite.time_s:.3f}",
    )
    properties = ET.SubElement(element, "properties")
    for name, value in suite.properties.items():
        ET.SubElement(properties, "property", name=clean(name), value=clean(value))
    for case in suite.cases:
        _add(element, case)
    ET.SubElement(element, "system-out")
    ET.SubElement(element, "system-err")
    return element


_COUNTED: tuple[Ending, ...] = ("failure", "error", "skipped")


def _add(suite: ET.Element, case: Case) -> None:
    element = ET.SubElement(
        suite,
        "testcase",
        classname=clean(case.classname),
        name=clean(case.name),
        time=f"{case.time_s:.3f}",
    )
    if case.ending:
        kind = {} if case.ending == "skipped" else {"type": clean(case.classname)}
        outcome = ET.SubElement(element, case.ending, {"message": clean(case.message), **kind})
        outcome.text = clean(case.text) or None


def clean(text: str) -> str:
    """Return the text without the characters that XML 1.0 does not allow even if escaped.

    https://www.w3.org/TR/xml/#charsets: control characters, surrogates, U+FFFE and U+FFFF.
    """
    return "".join(
        character
        for character in text
        if character in "\n\t"
        or " " <= character < "\ud800"
        or "\ue000" <= character <= "\ufffd"
        or character >= "\U00010000"
    )
