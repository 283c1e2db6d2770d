"""The report files are complete, self-contained and well-formed."""

import re
import shutil
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import lose_the_tail, present_twice
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.render import junit, pages, summary
from gauntlet.reports.render.charts import data, drawing, figures
from gauntlet.reports.render.render import render
from gauntlet.reports.render.sections import SECTIONS, environment
from gauntlet.reports.verdict.judge import judge

VOID = {"meta", "link", "br", "hr", "img", "input"}


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A judged and rendered run in which one message was lost and another presented twice."""
    story = good_story(1)
    lose_the_tail(story)
    present_twice(story)
    story.scenario["about"] = "<script>alert(1)</script>"
    story.reconcile()
    run = story.write(tmp_path_factory.mktemp("failed"))
    result = judge(run)
    return run, result, render(run, result)


@pytest.fixture(scope="module")
def page(failed):
    """The report's HTML."""
    return failed[0].report.read_text()


class _Tags(HTMLParser):
    """Collects what the page refers to, and checks that tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.references, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        """Record the attributes of a tag, and that it is open."""
        if tag not in VOID:
            self.open.append(tag)
        found = dict(attrs)
        self.references += [found[key] for key in ("src", "href", "xlink:href") if key in found]
        self.ids += [found["id"]] if "id" in found else []

    def handle_startendtag(self, tag, attrs):
        """Record a tag without content."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        """Check that the tag opened last is closed first."""
        assert self.open.pop() == tag


def test_the_result_lists_exactly_the_files_written(failed):
    run, result, written = failed
    assert written == result["artifacts"]
    assert all((run.path / name).stat().st_size > 0 for name in written)


def test_the_report_is_well_formed_and_refers_to_nothing_outside(page):
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    # The file beside it repeats the style of the page for strict content policies.
    outside = {reference for reference in tags.references if not reference.startswith("#")}
    assert outside == {"report.css"}
    own = page.replace((pages.LIBRARY / "uPlot.iife.min.js").read_text(), "")
    assert not re.search(r"url\((?!#)|@import|<script src|https?://", own)
    assert len(tags.ids) == len(set(tags.ids))


def test_every_link_within_the_page_leads_somewhere(page):
    tags = _Tags()
    tags.feed(page)
    targets = {reference[1:] for reference in tags.references if reference.startswith("#")}
    assert {"evidence-lost-acked", "evidence-duplicate", "recovery"} <= targets
    assert targets <= set(tags.ids)


def test_each_reason_is_linked_to_its_evidence(failed, page):
    _, result, _ = failed
    top = page[: page.index('<nav class="contents"')]
    assert top.count(">Evidence</a>") == len(result["verdict"]["reasons"]) >= 2


def test_a_violation_stands_on_the_card_of_its_fault_if_it_happened_there(failed, page):
    _, result, _ = failed
    (fault,) = result["faults"]
    card = page[page.index('<article class="card"') :]
    card = card[: card.index("</article>")]
    times = [
        witness["at_s"]
        for check in result["checks"]
        for witness in check["witnesses"]
        if fault["effective_at_s"] <= witness["at_s"] <= fault["healed_at_s"]
    ]
    assert card.count("while it acted") == len(times)


def test_the_style_beside_the_page_is_that_of_the_page(failed, page):
    style = (failed[0].path / "report.css").read_text()
    assert style.strip() in page


def test_the_verdict_comes_first(page):
    top = page[page.index("<main>") : page.index('<section id="timeline">')]
    assert "Failed" in top
    assert "exit 1" in top
    assert "lost-acked" in top


def test_sections_have_the_order_of_the_registry(page):
    """The run of the fixture has no cutover and no samples of components."""
    shown = [name for name in SECTIONS if name not in ("cutover", "components")]
    assert re.findall(r'<section id="(\w+)">', page) == shown


def test_the_connections_that_a_fault_ended_are_shown(page):
    """None was lost outside it, and the run has no other errors."""
    shown = page[page.index('<section id="errors">') :]
    shown = shown[: shown.index("</section>")]
    assert "<th>lost without a close frame (1006)</th>" in shown
    assert "0 connections were lost (0 per 1,000 min)" in shown
    assert "The most frequent ones of all workers" not in shown


def test_texts_of_users_are_escaped(failed, page):
    assert "<script>" not in page
    assert "&lt;script&gt;" in page or "\\u003c" in page


HOSTILE = "<img src=x onerror=alert(1)>$\\frac$`|\u2028'\""


def test_hostile_names_and_reasons_are_shown_as_they_are(failed, tmp_path):
    """A name may come from a file of the user, and a proof or a reason from another system."""
    run, result, _ = failed
    (fault,) = result["faults"]
    named = {**fault, "id": HOSTILE, "proof": {HOSTILE: HOSTILE}, "failed": HOSTILE}
    checks = [
        {
            **check,
            "sentence": HOSTILE,
            "witnesses": [
                {**each, "sentence": HOSTILE, "at_s": 9.0} for each in check["witnesses"]
            ],
        }
        for check in result["checks"]
    ]
    broken = {
        **result,
        "checks": checks,
        "faults": [named],
        "objectives": [{**each, "id": HOSTILE} for each in result["objectives"][:1]],
        "cutovers": [
            {"id": HOSTILE, "steps": [{"state": HOSTILE, "at_s": 9.0}], "reason": HOSTILE}
        ],
        "guards": [{"condition": HOSTILE, "fired": True, "sentence": HOSTILE}],
        "verdict": {**result["verdict"], "reasons": [f"Fault {HOSTILE} was not healed: x."]},
    }
    shutil.copytree(run.path, tmp_path / "hostile")
    copy = RunDir.open(tmp_path / "hostile")
    render(copy, broken)
    page = copy.report.read_text()
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 10
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert "<img" not in copy.summary.read_text().replace("\\<img", "")


def test_links_of_the_names_of_artifacts_are_replaced(failed, tmp_path):
    """A run directory of others must not make `report` write to a file outside of it."""
    run, result, names = failed
    copy = RunDir(tmp_path / run.id)
    shutil.copytree(run.path, copy.path)
    precious = tmp_path / "precious"
    precious.write_text("kept")
    for name in names:
        (copy.path / name).unlink()
        (copy.path / name).symlink_to(precious)
    assert render(copy, result) == names
    assert precious.read_text() == "kept"
    assert not any((copy.path / name).is_symlink() for name in names)


def test_evidence_lists_the_records_of_a_lost_message(page):
    life = page[page.index('<h3 id="evidence-lost-acked">') :]
    life = life[: life.index("</table>")]
    assert re.findall(r'<tr class="([\w-]+)">', life) == ["op", "attempt", "acked"]


def test_charts_are_reproducible(failed):
    _, result, _ = failed
    shown = data.build(result, {})
    for name in figures.FIGURES:
        assert figures.draw(shown, name) == figures.draw(shown, name)


def test_charts_take_their_colours_from_the_page(page):
    """The reader's system decides on dark or light."""
    assert f"var(--blue, {drawing.BLUE})" in page
    assert "prefers-color-scheme: dark" in page
    charts = page[page.index("<figure") :]
    assert drawing.BLUE not in charts.replace(f"var(--blue, {drawing.BLUE})", "")


def test_the_report_of_eight_hours_is_below_two_megabytes(failed, tmp_path):
    run, result, _ = failed
    seconds = 28_800
    series = {
        name: (column * (seconds // len(column) + 1))[:seconds]
        for name, column in result["series"].items()
    }
    shutil.copytree(run.path, tmp_path / "long")
    long = RunDir.open(tmp_path / "long")
    render(long, {**result, "series": {**series, "second": list(range(seconds))}})
    assert long.report.stat().st_size < 2_000_000


def test_a_run_that_cannot_be_judged_has_a_report(written):
    story = good_story(1)
    story.reconciliation = {}
    run = written(story)
    result = judge(run)
    assert render(run, result) == ["report.html", "report.css", "junit.xml", "summary.md"]
    assert "Harness error" in run.report.read_text()
    suite = ET.fromstring(run.junit.read_text()).find("testsuite")
    assert suite.find("testcase[@name='verdict']/error") is not None


def test_junit_has_one_uniquely_named_case_for_each_result(failed):
    _, result, _ = failed
    suite = ET.fromstring(junit.document(result)).find("testsuite")
    names = [
        case.attrib["classname"] + "." + case.attrib["name"] for case in suite.iter("testcase")
    ]
    assert len(names) == len(set(names)) == len(result["checks"]) + len(result["objectives"]) + 1
    assert suite.attrib["tests"] == str(len(names))
    failures = {case.attrib["name"] for case in suite if case.find("failure") is not None}
    assert failures == {"lost-acked", "duplicate", "verdict"}
    assert suite.attrib["failures"] == "3"


def test_junit_tells_scenarios_apart_and_says_when_and_how_long_they_ran(failed):
    """Some readers know a case only by its class and its name."""
    _, result, _ = failed
    renamed = {**result, "run": {**result["run"], "scenario": "other"}}
    manifest = {"clock": {"wall_ns": 1_795_981_494_000_000_000}}
    suite = ET.fromstring(junit.document(renamed, manifest)).find("testsuite")
    classes = {case.get("classname") for case in suite.iter("testcase")}
    assert classes == {"gauntlet.other", "gauntlet.other.checks", "gauntlet.other.objectives"}
    assert suite.get("timestamp") == "2026-11-29T19:44:54"
    assert float(suite.get("time")) == result["run"]["duration_s"] > 0
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert properties["seed"] == str(result["run"]["seed"])
    assert properties["exit_code"] == "1"


@pytest.mark.parametrize("clock", [None, {}, {"wall_ns": "x"}, {"wall_ns": 10**30}])
def test_a_run_without_a_start_has_the_first_time_there_is(failed, clock):
    _, result, _ = failed
    assert 'timestamp="1970-01-01T00:00:00"' in junit.document(result, {"clock": clock})


def test_junit_skips_unknown_checks_but_fails_the_verdict(judged):
    story = good_story(1)
    story.chaos[1]["proof"] = {}
    suite = ET.fromstring(junit.document(judged(story))).find("testsuite")
    skipped = {case.attrib["name"] for case in suite if case.find("skipped") is not None}
    assert skipped == {"unrecovered", "fast-in-fault (fault:edge-crash)"}
    assert suite.find("testcase[@name='verdict']/failure") is not None


def test_junit_contains_no_control_characters(failed):
    _, result, _ = failed
    broken = {**result, "verdict": {**result["verdict"], "reasons": ["a\x00b\x1b[31m"]}}
    assert "ab[31m" in junit.document(broken)


def test_hostile_names_leave_every_document_well_formed(failed):
    """U+FFFE is no character of XML; the rest is markup of Markdown."""
    _, result, _ = failed
    name = "a\ufffe\ud800`|<b>*x*\n# head @team"
    broken = {**result, "run": {**result["run"], "scenario": name}}
    assert ET.fromstring(junit.document(broken)).find("testsuite") is not None
    first = summary.document(broken).encode().decode().splitlines()[0]
    assert "\\`\\|\\<b\\>\\*x\\* \\# head @\u200bteam" in first


def test_the_summary_is_short_and_its_tables_are_well_formed(failed):
    _, result, _ = failed
    text = summary.document(result)
    assert text.startswith("## ❌ FAIL – synthetic (exit 1)")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
    assert len(text) < 20_000


@pytest.mark.parametrize(
    ("manifest", "shown"),
    [
        ({}, None),
        ({"engine": {"kind": "compiled", "reason": ""}}, "compiled"),
        ({"engine": {"kind": "pure", "reason": "not compiled"}}, "pure (not compiled)"),
    ],
)
def test_the_build_of_the_load_engine_is_shown_with_the_reason_of_a_fallback(manifest, shown):
    assert environment._engine(manifest) == shown


@pytest.mark.parametrize(
    ("builds", "shown"),
    [
        ({"broker": None}, None),
        ({"broker": None, "edge-1": "compiled", "room-1": "compiled"}, "compiled"),
        (
            {"edge-1": "compiled", "message-1": "pure (why)", "room-1": "compiled"},
            "compiled: edge-1, room-1; pure (why): message-1",
        ),
    ],
)
def test_the_build_of_the_reference_server_is_shown_by_component_where_it_differs(builds, shown):
    components = [
        {"name": name, **({"build": build} if build else {})} for name, build in builds.items()
    ]
    assert environment._server({"stack": {"components": components}}) == shown


def test_without_the_extra_the_report_has_all_tables_and_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    run = good_story(1).write(tmp_path)
    result = judge(run)
    written = render(run, result)
    assert not [name for name in written if name.endswith(".png")]
    assert result["artifacts"] == written
    text = run.report.read_text()
    assert "pip install &#39;im-gauntlet[charts]&#39;" in text
    assert '<svg role="img"' not in text
    assert "until acknowledged" in text
    parser = _Tags()
    parser.feed(text)
    assert parser.open == []


def test_abbreviations_of_the_page_are_explained(page):
    assert "99 % acknowledged within" in page
    assert "99 % took at most the p99" in page
    assert "p999" not in page.partition('id="chart-data"')[0]
    assert "is the conversation of the users A and B" in page


def test_with_the_extra_the_report_does_not_name_it(page):
    assert "im-gauntlet[charts]" not in page
    assert '<svg role="img"' in page
