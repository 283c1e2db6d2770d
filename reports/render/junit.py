"""junit.xml: one uniquely named case for each check, each objective, and the verdict itself."""

from typing import Any
from xml.etree import ElementTree as ET  # only written here, never parsed

from gauntlet.core.errors import Exit

# How an answer is told in JUnit; a valid one needs no element, and a warning does not fail a job.
_ELEMENTS = {"invalid": "failure", "unknown": "skipped", "not-applicable": "skipped"}


def document(result: dict[str, Any]) -> str:
    """The whole file."""
    name = result["run"]["scenario"]
    suite = ET.Element("testsuite", name=f"gauntlet.{name}")
    for check in result["checks"]:
        _case(suite, "checks", check["id"], check, hard=check["required"])
    for objective in result["objectives"]:
        title = f"{objective['id']} ({objective['window']})"
        _case(suite, "objectives", title, objective, hard=objective["severity"] == "fail")
    _verdict(suite, result["verdict"])
    for tag, total in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(total, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, group: str, title: str, judged: dict[str, Any], *, hard: bool) -> None:
    case = ET.SubElement(suite, "testcase", classname=f"gauntlet.{group}", name=title)
    tag = _ELEMENTS.get(judged["verdict"])
    if tag == "failure" and not hard:
        tag = "skipped"
    if tag:
        outcome = ET.SubElement(case, tag, message=_clean(judged["sentence"]))
        sentences = [witness["sentence"] for witness in judged.get("witnesses", [])]
        outcome.text = _clean("\n".join(sentences)) or None


def _verdict(suite: ET.Element, verdict: dict[str, Any]) -> None:
    """Is red for every exit code but 0, as the job is."""
    case = ET.SubElement(suite, "testcase", classname="gauntlet", name="verdict")
    if verdict["exit_code"] != Exit.OK:
        tag = "error" if verdict["status"] == "error" else "failure"
        message = f"{verdict['status']} (exit {verdict['exit_code']})"
        outcome = ET.SubElement(case, tag, message=message)
        outcome.text = _clean("\n".join(verdict["reasons"]))


def _clean(text: str) -> str:
    """XML 1.0 has no control characters, not even escaped."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t")
