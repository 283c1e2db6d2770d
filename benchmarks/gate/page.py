"""The section of docs/benchmarks.md, made from the records alone."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gate import picture, records, results
from benchmarks.gate.records import GateRecord, RunRecord
from benchmarks.gate.resampling import BLOCK, GATES, Shares
from benchmarks.gate.results import Results, Row
from benchmarks.gate.subject import MEASURE
from gauntlet.campaigns.markdown import paragraph, table
from gauntlet.campaigns.scorecard.wilson import interval

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "images" / "gate.png"
BEGIN, END = "<!-- generated: gate -->\n", "<!-- end of generated part -->\n"
_EXPECTED = {"equal": 0, "slow": 1, "defect": 1}


def write(runs: Sequence[RunRecord], gates: Sequence[GateRecord]) -> None:
    """Write the section and its picture."""
    found = results.compute(runs) if records.triples(runs) else None
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = section(found, runs, gates)
    PAGE.write_text(f"{before}{BEGIN}{made}{END}{after}", encoding="utf-8")
    if found is not None and found.curves:
        PICTURE.write_bytes(picture.draw(found))
    print(made)


def section(found: Results | None, runs: Sequence[RunRecord], gates: Sequence[GateRecord]) -> str:
    """Return the text of the section; `found` is None without recorded runs."""
    parts = []
    if found is None:
        parts.append(paragraph("There are no records of runs yet."))
    else:
        parts += [_evidence(found, runs), _figures(found)]
        for share, rows in found.tables.items():
            parts += [f"Gates with a `min_effect` of {share}:", _gates(rows)]
        parts.append(paragraph(_findings(found)))
        if found.curves:
            parts.append("![How often a change is found](images/gate.png)")
    if gates:
        parts += ["Live gates:", _live(records.gates_of_one_repository(gates))]
    return "\n\n".join(parts) + "\n"


def _evidence(found: Results, runs: Sequence[RunRecord]) -> str:
    used = [record for triple in records.triples(runs) for record in triple.values()]
    days = sorted({record.started[:10] for record in used})
    commits = sorted({record.commit or "unknown" for record in used})
    machine = used[-1].machine
    codes = Counter(record.exit_code for record in used)
    ended = ", ".join(f"exit {code} × {count}" for code, count in sorted(codes.items()))
    unusable = sum(bool(record.unusable) for record in used)
    text = (
        f"{found.triples} triples of runs ({ended}; {unusable} without usable figures) on "
        f"{' to '.join(dict.fromkeys((days[0], days[-1])))}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}. Gauntlet: {', '.join(commits)}."
    )
    return paragraph(text)


def _figures(found: Results) -> str:
    rows = [
        [
            f"`{each.question.indicator}`",
            str(each.usable),
            f"{100 * each.noise:.1f} %",
            f"{100 * each.equal:+.1f} %",
            f"{100 * each.slower:+.1f} %",
        ]
        for each in found.figures
    ]
    header = [
        "indicator",
        "usable pairs",
        "standard deviation of equal pairs",
        "mean change of equal pairs",
        "mean change by the slow send path",
    ]
    return table(header, rows)


def _gates(rows: Sequence[Row]) -> str:
    header = [
        "pairs",
        "equal: red",
        "equal: green",
        "slow: red",
        "slow: green",
        "smallest change that is red in 95 %",
    ]
    return table(header, [_row(row) for row in rows])


def _row(row: Row) -> list[str]:
    smallest = "" if not row.searched else "more than 100 %"
    if row.smallest is not None:
        smallest = f"{100 * row.smallest:.1f} %"
    compare = row.compare
    pairs = str(compare.pairs)
    if compare.looks > 1:
        pairs += f" to {compare.most}, in {compare.looks} looks"
    return [
        pairs,
        _share(row.equal.red, row.equal),
        _share(row.equal.green, row.equal),
        _share(row.slower.red, row.slower),
        _share(row.slower.green, row.slower),
        smallest,
    ]


def _share(hits: int, of: Shares) -> str:
    low, high = interval(hits, of.gates)
    return f"{100 * hits / of.gates:.1f} % ({100 * low:.1f}–{100 * high:.1f})"


def _findings(found: Results) -> str:
    rows = [row for table_rows in found.tables.values() for row in table_rows]
    worst = max(rows, key=lambda row: row.equal.red)
    slower = next(each.slower for each in found.figures if each.question.indicator == MEASURE)
    return (
        f"Each row has {GATES:,} gates, drawn with replacement in blocks of {BLOCK} neighbouring "
        f"pairs. The intervals are those of Wilson (95 %) for that number of gates. They do not "
        f"contain what another {found.triples} pairs would change. Equal versions were red in at "
        f"most {_share(worst.equal.red, worst.equal)} of gates. For the last column, the mean "
        f"changes by the slow send path were multiplied, in the logarithm, until `{MEASURE}` had "
        f"the change that was wanted instead of {100 * slower:+.1f} %; how much the pairs differ "
        f"from their mean was kept as it was measured."
    )


def _live(gates: Sequence[GateRecord]) -> str:
    rows = []
    for change, expected in _EXPECTED.items():
        own = [each for each in gates if each.change == change]
        if own:
            codes = Counter(each.exit_code for each in own)
            ended = ", ".join(f"{code} × {count}" for code, count in sorted(codes.items()))
            right = sum(each.exit_code == expected for each in own)
            low, high = (round(100 * end) for end in interval(right, len(own)))
            runs = sorted(each.runs for each in own)
            rows.append(
                [
                    change,
                    str(expected),
                    ended,
                    f"{right} of {len(own)} ({low}–{high} %)",
                    " to ".join(dict.fromkeys((str(runs[0]), str(runs[-1])))),
                ]
            )
    header = ["change", "expected exit code", "exit codes", "as expected", "runs of a gate"]
    return table(header, rows)
