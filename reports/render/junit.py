"""junit.xml: one uniquely named case for each check, objective and guard, and the verdict."""

from typing import Any
from xml.etree import ElementTree as ET  # only written here, never parsed

from gauntlet.core.errors import Exit

# The JUnit element of each verdict. A valid one needs no element; a warning is never a failure.
_ELEMENTS = {"invalid": "failure", "unknown": "skipped", "not-applicable": "skipped"}


def document(result: dict[str, Any]) -> str:
    """Return the content of junit.xml."""
    name = _clean(result["run"]["scenario"])
    suite = ET.Element("testsuite", name=f"gauntlet.{name}")
    for check in result["checks"]:
        _add_case(suite, "checks", check["id"], check, required=check["required"])
    for objective in result["objectives"]:
        title = f"{objective['id']} ({objective['window']})"
        required = objective["severity"] == "fail"
        _add_case(suite, "objectives", title, objective, required=required)
    for index, guard in enumerate(result.get("guards", ())):
        _add_guard(suite, index, guard)
    _add_verdict(suite, result["verdict"])
    for tag, total in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(total, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(
    suite: ET.Element, group: str, title: str, judged: dict[str, Any], *, required: bool
) -> None:
    case = ET.SubElement(suite, "testcase", classname=f"gauntlet.{group}", name=_clean(title))
    tag = _ELEMENTS.get(judged["verdict"])
    if tag == "failure" and not required:
        tag = "skipped"
    if tag:
        outcome = ET.SubElement(case, tag, message=_clean(judged["sentence"]))
        sentences = [witness["sentence"] for witness in judged.get("witnesses", [])]
        outcome.text = _clean("\n".join(sentences)) or None


def _add_guard(suite: ET.Element, index: int, guard: dict[str, Any]) -> None:
    """Add a case that fails if the guard stopped the load."""
    title = _clean(f"guards[{index}] {guard['condition']}")
    case = ET.SubElement(suite, "testcase", classname="gauntlet.guards", name=title)
    if guard["fired"]:
        ET.SubElement(case, "failure", message=_clean(guard["sentence"]))


def _add_verdict(suite: ET.Element, verdict: dict[str, Any]) -> None:
    """Add a case that fails for every exit code except 0, as the CI job does."""
    case = ET.SubElement(suite, "testcase", classname="gauntlet", name="verdict")
    if verdict["exit_code"] != Exit.OK:
        tag = "error" if verdict["status"] == "error" else "failure"
        message = f"{verdict['status']} (exit {verdict['exit_code']})"
        outcome = ET.SubElement(case, tag, message=message)
        outcome.text = _clean("\n".join(verdict["reasons"]))


def _clean(text: str) -> str:
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
