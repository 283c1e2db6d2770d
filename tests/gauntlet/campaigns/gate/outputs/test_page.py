"""The page of a gate: complete, harmless, and clear about what decided."""

import html.parser
import re

import msgspec
import pytest

from gauntlet.campaigns.gate.outcome import BaselineGate, Verdict
from gauntlet.campaigns.gate.outputs import page
from gauntlet.campaigns.gate.outputs.page import Link
from gauntlet.reports.render import pages

from ..example import gate, run
from . import gates

VOID = {"meta", "br", "link"}


class Reader(html.parser.HTMLParser):
    """Notes tags, ids and texts, and that each tag is closed."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def read(found, links=None):
    reader = Reader()
    reader.feed(page.document(found, links or {}))
    assert reader.open == []
    return reader


@pytest.mark.parametrize("make", gates.ALL.values(), ids=gates.ALL)
def test_the_page_is_complete_without_scripts_and_needs_no_network(make):
    reader = read(make())
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "img", "iframe"}
    used = {name for _, attributes in reader.tags for name in attributes}
    assert not used & {"src", "style", "onerror", "onclick"}
    files = [attributes["href"] for tag, attributes in reader.tags if tag == "link"]
    assert files == [page.STYLE]
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    to = {attributes["href"][1:] for tag, attributes in reader.tags if tag == "a"}
    assert to <= set(ids)
    assert not {"nan", "NaN", "None", "inf", "nan %"} & set(reader.text.split())


def test_templates_have_no_inline_style_or_handler():
    """Content policies of CI servers forbid both."""
    for template in page.TEMPLATES.glob("*.html"):
        assert not re.search(r"\s(style|on\w+)=", template.read_text()), template.name


def test_the_style_beside_the_page_is_that_of_the_page():
    assert page.style() in page.document(gate(), {})
    assert page.style().startswith(pages.style())


def test_hostile_texts_are_shown_and_do_nothing():
    text = page.document(gates.malicious(), {})
    assert "<img" not in text
    assert "&lt;img src=x" in text
    assert not {"\x1b", "\x00", "\u202e", "\u2028", "\r"} & set(text)
    assert text.encode()


def test_reasons_and_findings_lead_to_the_evidence_in_the_report_of_the_run():
    found = gates.incorrect()
    links = {each.path: Link(f"runs/{each.number}/report.html", True) for each in found.runs}
    document = page.document(found, links)
    banner, _, rest = document.partition("</header>")
    evidence = 'href="runs/2/report.html#evidence-lost-acked"'
    assert evidence in banner
    card = rest.partition('<section id="correctness">')[2].partition("</section>")[0]
    assert evidence in card
    assert "runs/1/report.html" not in card


def test_a_run_without_a_report_leads_to_its_output():
    found = gates.broken()
    links = {found.runs[0].path: Link("runs/x/output.txt", False)}
    reader = read(found, links)
    hrefs = [attributes["href"] for tag, attributes in reader.tags if tag == "a"]
    assert hrefs.count("runs/x/output.txt") == 3  # in the banner, the scenario and the runs
    assert "no run that counts" in reader.text


def test_a_reason_about_a_figure_leads_to_its_row():
    document = page.document(gates.slower(), {})
    banner = document.partition("</header>")[0]
    assert '<a href="#compared-0">Evidence</a>' in banner
    row = document.partition('<tr id="compared-0">')[2].partition("</tr>")[0]
    for part in ("median time until acknowledged", "9.71 ms", "11.1 ms", "+14.3 %", "0.001"):
        assert part in row
    assert "Regressed: 8 % higher or more" in row
    assert row.count('class="pair"') == 5


def test_a_unit_that_the_figure_says_is_not_repeated():
    document = page.document(gates.slower(), {})
    row = document.partition('<tr id="compared-3">')[2].partition("</tr>")[0]
    assert ">39.8</td>" in row


def test_what_is_unknown_says_why_and_has_no_drawing():
    document = page.document(gates.slower(), {})
    row = document.partition('<tr id="compared-1">')[2].partition("</tr>")[0]
    assert "no interval is known" in row
    assert "the numbers are generator-limited" in row
    assert "<svg" not in row


def test_a_gate_without_comparisons_says_so():
    reader = read(gates.incorrect())
    assert "compared figures none this gate is about correctness only" in reader.text
    assert "Compared figures" not in reader.text


def test_the_tiles_count_what_is_open_and_how_many_pairs_there_are():
    text = read(gates.slower()).text
    assert "compared figures that got worse 1 of 4 1 not worse, 2 undecided" in text
    assert "pairs of runs 2 to 5 can be used, depending on the figure" in text
    assert "compared figures that got worse 0 of 1 1 not worse" in read(gates.equal()).text


def test_both_values_of_a_figure_have_the_same_decimals():
    document = page.document(gates.slower(), {})
    row = document.partition('<tr id="compared-0">')[2].partition("</tr>")[0]
    assert ">9.71 ms</td>" in row
    assert ">11.1 ms</td>" in row
    row = document.partition('<tr id="compared-2">')[2].partition("</tr>")[0]
    assert ">31.0 ms</td>" in row
    assert ">33.8 ms</td>" in row


def test_a_passed_gate_repeats_no_reasons():
    assert "All 5 runs passed. None of" not in read(gates.equal()).text


def test_what_differs_between_the_versions_is_bold():
    document = page.document(gates.equal(), {})
    assert "<b>im-gauntlet 0.0.9 of /srv/old/bin/python</b>" in document
    assert "<td>embedded</td><td>embedded</td>" in document
    assert "Linux 6.1, Python 3.11.9, 2 cores, 7,956 MB of memory" in document


def test_the_gates_of_a_stored_baseline_are_listed():
    stored = BaselineGate("old <gate>", "2026-11-28T09:00:00", 4, "old/gate.json", "ab" * 32)
    text = read(gate(mode="baseline", baseline=(stored,))).text
    assert "The 1 gate of the baseline" in text
    for part in ("2026-11-28 09:00:00", "old <gate>", "old/gate.json", "abababababababab…"):
        assert part in text


def test_a_calibration_with_equal_runs_is_known():
    exact = gates.CALIBRATED[0]
    found = gate(mode="calibration", calibration=(msgspec.structs.replace(exact, noise=0.0),))
    text = read(found).text
    assert "unknown" not in text
    assert "0.0 %" in text


def test_a_calibration_shows_the_smallest_change_and_what_is_unknown():
    text = read(gates.calibrated()).text
    assert "Calibrated exit 0" in text
    assert "runs passed 10 of 10" in text
    assert "smallest change found – of every figure" in text
    for part in ("10 %", "none up to 200 %", "unknown", "Nothing can be said."):
        assert part in text


def test_an_open_question_leads_to_an_earlier_calibration():
    document = page.document(gates.noisy(), {})
    assert '<a href="#calibration">Which changes this machine can find</a>' in document
    assert "From an earlier calibration, of 2026-11-28 09:05:01 UTC." in document
    assert "--calibrate" not in document
    assert "--calibrate" in page.document(gates.slower(), {})


def test_hashes_and_directories_of_the_runs_are_listed():
    found = gates.equal()
    text = read(found).text
    assert all(each.path in text and each.sha256 in text for each in found.runs)


def test_a_gate_with_many_runs_and_reasons_stays_small():
    runs = tuple(run(number=at, exit_code=1, reasons=("x" * 300,)) for at in range(1000))
    reasons = tuple(f"steady, run {at}: {'x' * 300}" for at in range(50))
    document = page.document(gate(runs=runs, verdict=Verdict("fail", 1, reasons)), {})
    assert len(document.encode()) < 1_000_000
    assert "and 990 more reasons" in document
