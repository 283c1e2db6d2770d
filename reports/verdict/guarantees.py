"""The guarantee grade: what a run shows of each promise that an IM system can make, on one page.

A grade sums up checks, and says no more than they do: what could not be judged lowers it. Of a
history that does not add up, only violations are believed.
"""

from collections.abc import Sequence
from typing import Any

from gauntlet.core.scenario.capabilities import CAPABILITIES

ASPECTS: dict[str, tuple[str, ...]] = {
    "loss": ("lost-acked", "undelivered"),
    "order": ("sender-fifo", "wire-order", "position", "divergent-order"),
    "duplicates": ("duplicate",),
    "re-sync": ("history-gap", "unrecovered"),
    "content": ("phantom", "misdelivery"),
}

GRADES: dict[str, str] = {
    "A": "held, wholly judged, while faults acted",
    "B": "held, wholly judged, in calm load only",
    "C": "held as far as it could be judged",
    "F": "violated",
    "–": "not judged",
}


def grades(body: dict[str, Any], problems: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One entry for each aspect, from the `checks`, `faults` and `counts` of a result.

    `problems` say in what the history does not reconcile.
    """
    if not body["checks"]:
        return []
    judged = ("invalid",) if problems else ("valid", "invalid")
    doubts = [f"The history does not reconcile: {problem}." for problem in problems]
    checks = {check["id"]: check for check in body["checks"]}
    acted = any(fault["effective_at_ns"] is not None for fault in body["faults"])
    return [
        {
            "aspect": aspect,
            "grade": _grade([checks[name]["verdict"] for name in names], judged, acted=acted),
            "evidence": [
                *(_said(checks[name]) for name in names if checks[name]["verdict"] in judged),
                *_counted(aspect, body["counts"]),
            ],
            "unjudged": [
                *doubts,
                *(_said(checks[name]) for name in names if checks[name]["verdict"] not in judged),
            ],
        }
        for aspect, names in ASPECTS.items()
    ]


def _grade(verdicts: list[str], judged: tuple[str, ...], *, acted: bool) -> str:
    if "invalid" in verdicts:
        return "F"
    if "valid" not in verdicts or "valid" not in judged:
        return "–"
    if set(verdicts) != {"valid"}:
        return "C"
    return "A" if acted else "B"


def _said(check: dict[str, Any]) -> str:
    example = check["witnesses"][0]["sentence"] if check["witnesses"] else ""
    return f"{check['id']}: {check['sentence']} {example}".rstrip()


def _counted(aspect: str, counts: dict[str, int]) -> list[str]:
    """What no check says, and a reader of the grade wants to know."""
    if aspect == "loss":
        sends = f"{counts['acked']:,} of {counts['ops']:,} sends were acknowledged"
        return [f"{sends}; {counts['rejected']:,} were refused, {counts['unknown']:,} are unknown."]
    if aspect == "re-sync":
        fetched = f"{counts['resynced']:,} of {counts['presented']:,} deliveries were fetched"
        return [
            f"{fetched} by clients that had missed them; {counts['missing']:,} never came.",
            f"{counts['users']:,} users made {counts['connections']:,} connections.",
        ]
    return []


def document(result: dict[str, Any]) -> str:
    """grade.md: the whole page."""
    run = result["run"]
    faults = ", ".join(f"{fault['id']} ({fault['kind']})" for fault in result["faults"]) or "none"
    lines = [
        f"# Guarantees of {run['adapter']} on {run['stack']}",
        "",
        f"Run `{run['id']}`, scenario {run['scenario']}, seed {run['seed']}; faults: {faults}.",
        "One run shows what it shows: a violation is proven, its absence is not.",
        "",
        "| promise | grade | meaning |",
        "|---|---|---|",
        *(
            f"| {it['aspect']} | **{it['grade']}** | {GRADES[it['grade']]} |"
            for it in result["grades"]
        ),
        "",
    ]
    for it in result["grades"]:
        lines += [f"## {it['aspect']}: {it['grade']}", ""]
        lines += [f"- {_text(sentence)}" for sentence in it["evidence"]]
        lines += [f"- *not judged:* {_text(sentence)}" for sentence in it["unjudged"]]
        lines.append("")
    lines += ["## What the adapter declares", ""]
    for name, meaning in CAPABILITIES.items():
        mark = "has" if name in run["capabilities"] else "**has not**"
        lines.append(f"- {mark} `{name}`: {meaning}")
    return "\n".join(lines) + "\n"


def _text(sentence: str) -> str:
    """A sentence that is not read as markup; names of capabilities keep their quotes."""
    for letter in "\\<>*[]":
        sentence = sentence.replace(letter, f"\\{letter}")
    return sentence.replace("\n", " ")
