"""The guarantee grade: what a run shows about each guarantee of an IM system, on one page.

A grade summarises checks, so whatever could not be judged lowers it. If the history does not
reconcile, only violations count.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from gauntlet.core.plugins import Aspect, CheckKind
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.capabilities import CAPABILITIES


def checks_by_aspect(kinds: Mapping[str, CheckKind]) -> dict[str, tuple[str, ...]]:
    """Return the names of the checks that grade each aspect."""
    return {
        aspect: tuple(name for name, kind in kinds.items() if kind.aspect == aspect)
        for aspect in get_args(Aspect)
    }


# The promises in the order of the grade page, each with the checks that grade it.
ASPECTS = checks_by_aspect(catalog.CHECKS)

GRADES: dict[str, str] = {
    "A": "held during faults, fully judged",
    "B": "held without faults, fully judged",
    "C": "held, only partly judged",
    "F": "violated",
    "–": "not judged",
}


def grades(body: dict[str, Any], problems: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return one entry for each aspect, from the `checks`, `faults` and `counts` of a result.

    `problems` are clauses on what does not reconcile in the history.
    """
    if not body["checks"]:
        return []
    judged = ("invalid",) if problems else ("valid", "invalid")
    doubts = [f"The history does not reconcile: {problem}." for problem in problems]
    checks = {check["id"]: check for check in body["checks"]}
    doubts += undeclared(body.get("disturbances") or {})
    acted = any(
        fault["effective_at_ns"] is not None and fault.get("exposed", True)
        for fault in body["faults"]
    )
    calm = not undeclared(body.get("disturbances") or {})
    rows = []
    for aspect, names in ASPECTS.items():
        verdicts = [checks[name]["verdict"] for name in names]
        known = [name for name in names if checks[name]["verdict"] in judged]
        unknown = [name for name in names if name not in known]
        rows.append(
            {
                "aspect": aspect,
                "grade": _grade(verdicts, judged, acted=acted, calm=calm),
                "evidence": [
                    *(_check_sentence(checks[name]) for name in known),
                    *_count_sentences(aspect, body["counts"]),
                ],
                "unjudged": [*doubts, *(_check_sentence(checks[name]) for name in unknown)],
            }
        )
    return rows


def undeclared(disturbances: dict[str, Any]) -> list[str]:
    """Return a sentence on what no declared fault explains, or none.

    Such a run was neither calm, nor is it known which disturbance the system has survived.
    """
    if not (disturbances.get("disconnects") or disturbances.get("unanswered")):
        return []
    ended, lost = disturbances["disconnects"], disturbances["unanswered"]
    sentence = (
        f"Outside every declared fault, {ended:,} connections ended and {lost:,} sends were never "
        "answered, so the load was not calm."
    )
    return [sentence]


def _grade(verdicts: list[str], judged: tuple[str, ...], *, acted: bool, calm: bool) -> str:
    if "invalid" in verdicts:
        return "F"
    if "valid" not in verdicts or "valid" not in judged:
        return "–"
    if set(verdicts) != {"valid"} or not calm:
        return "C"
    return "A" if acted else "B"


def _check_sentence(check: dict[str, Any]) -> str:
    example = check["witnesses"][0]["sentence"] if check["witnesses"] else ""
    return f"{check['id']}: {check['sentence']} {example}".rstrip()


def _count_sentences(aspect: str, counts: dict[str, int]) -> list[str]:
    """Return figures that no check has and that put the grade into proportion."""
    if aspect == "loss":
        sends = f"{counts['acked']:,} of {counts['ops']:,} sends were acknowledged"
        refused = f"{counts['rejected']:,} were refused"
        sentences = [f"{sends}, {refused}, and the outcome of {counts['unknown']:,} is unknown."]
        if counts["untried"]:
            sentences.append(
                f"{counts['untried']:,} were never attempted: their users were not connected."
            )
        if counts["handed_over"]:
            sentences.append(
                f"{counts['handed_over']:,} of the acknowledgements only mean that the message was "
                "handed over: the protocol has none."
            )
        return sentences
    if aspect == "re-sync":
        fetched = f"Clients fetched {counts['resynced']:,} of {counts['presented']:,} deliveries"
        missing = (
            f"{counts['missing']:,} of {counts['expected']:,} expected deliveries never arrived"
        )
        return [
            f"{fetched} because no push had brought them; {missing}.",
            f"{counts['users']:,} users opened {counts['connections']:,} connections.",
        ]
    return []


def document(result: dict[str, Any]) -> str:
    """Return the content of grade.md."""
    run = result["run"]
    faults = ", ".join(f"{fault['id']} ({fault['kind']})" for fault in result["faults"]) or "none"
    lines = [
        f"# Guarantees of {run['adapter']} on {run['stack']}",
        "",
        f"Run `{run['id']}`, scenario {run['scenario']}, seed {run['seed']}; faults: {faults}.",
        "A run can prove that a guarantee is violated, but not that it always holds.",
        "",
        "| guarantee | grade | meaning |",
        "|---|---|---|",
        *(
            f"| {row['aspect']} | **{row['grade']}** | {GRADES[row['grade']]} |"
            for row in result["grades"]
        ),
        "",
    ]
    for row in result["grades"]:
        lines += [f"## {row['aspect']}: {row['grade']}", ""]
        lines += [f"- {_text(sentence)}" for sentence in row["evidence"]]
        lines += [f"- *not judged:* {_text(sentence)}" for sentence in row["unjudged"]]
        lines.append("")
    lines += ["## Capabilities of the adapter", ""]
    for name, meaning in CAPABILITIES.items():
        mark = "declared" if name in run["capabilities"] else "**not declared**"
        lines.append(f"- `{name}` ({mark}): {meaning}")
    return "\n".join(lines) + "\n"


def _text(sentence: str) -> str:
    """Return a sentence without Markdown markup, except the backquotes of capability names."""
    for character in "\\<>*[]":
        sentence = sentence.replace(character, f"\\{character}")
    return sentence.replace("\n", " ")
