"""The pages in a real browser: zoomed, without scripts, under a policy, on a phone, and printed."""

import hashlib
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gauntlet.campaigns.gate.outputs import page as gate_page
from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import lose_the_tail, present_twice
from gauntlet.core.run_directory import write_json
from gauntlet.reports.comparison import compare
from gauntlet.reports.render import comparison
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge

from ..gauntlet.campaigns.gate.outputs import gates
from .chromium import Page

pytestmark = pytest.mark.integration
AXE = Path(__file__).parent / "vendor" / "axe"
# As Jenkins serves the files of a build.
POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"
PHONE_PX, DESK_PX = 390, 1280
PRINTED_PX = 703  # the width of A4 without its margins
# A picture of each page, for which it needs no script.
PICTURES = {
    "report.html": "#figure-timeline svg",
    "compared.html": "#charts svg",
    "gate-slower.html": "#comparisons svg",
    "gate-incorrect.html": "#correctness .card",
    "gate-calibrated.html": "#calibration table",
    "gate-malicious.html": "#comparisons svg",
}
PAGES = list(PICTURES)
CUTOVER = {
    "id": "to-green",
    "steps": [{"state": "verify", "at_s": 15.0}, {"state": "rollback", "at_s": 16.0}],
    "reason": "edge-green-1: not running, or not answering",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the report of a failed run, and the pages of a comparison and of gates."""
    story = good_story(1)
    lose_the_tail(story)
    present_twice(story)
    story.reconcile()
    run = story.write(tmp_path_factory.mktemp("failed"))
    result = judge(run)
    render(run, {**result, "cutovers": [CUTOVER]})
    write_json(run.result, result)
    other = good_story(2).write(tmp_path_factory.mktemp("good"))
    write_json(other.result, judge(other))
    runs = compare.load([other.path, run.path])
    comparison.write(run.path / "compared.html", compare.compare(runs), runs)
    for name, make in gates.ALL.items():
        document = gate_page.document(make(), {})
        (run.path / f"gate-{name}.html").write_text(document)
    (run.path / gate_page.STYLE).write_text(gate_page.style())
    return run.path


@pytest.fixture
def page(require_service, tmp_path):
    """A browser without a page."""
    with Page(require_service("chromium")["path"], tmp_path / "profile") as opened:
        yield opened


@contextmanager
def served(folder, policy):
    """Serve a folder under a content policy."""

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self):
            self.send_header("Content-Security-Policy", policy)
            super().end_headers()

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def open_file(page, folder, name="report.html"):
    page.open((folder / name).as_uri())
    page.wait("document.readyState === 'complete'")


def sideways(page):
    """Return by how much the page is wider than the screen."""
    return page.js("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def visible(selector):
    """An expression for whether an element is shown."""
    return f"document.querySelector('{selector}').getClientRects().length > 0"


def test_charts_are_hovered_zoomed_and_filtered(page, folder):
    open_file(page, folder)
    assert page.wait("document.querySelectorAll('canvas').length") == 4
    assert not page.js(visible("#figure-timeline > .wide"))
    at = page.js(
        "(() => { const box = document.querySelector('.u-over').getBoundingClientRect();"
        "return [box.left + 0.9 * box.width, box.top + 40]; })()"
    )
    time = "parseFloat(document.querySelector('.u-value').textContent)"
    page.point(*at)
    whole_s = page.wait(time)
    page.js(
        "(() => { const select = document.getElementById('fault-filter'); select.value ="
        "'edge-crash'; select.dispatchEvent(new Event('change')); })()"
    )
    page.point(at[0] + 1, at[1])
    page.wait(f"{time} < {whole_s} - 5")
    assert not page.js(visible("article.card[data-fault=to-green]"))
    assert page.js(visible("#fault-edge-crash"))
    page.js("document.querySelector('.controls button').click()")
    assert page.js(visible("article.card[data-fault=to-green]"))
    assert page.errors == []
    assert {url.rsplit("/", 1)[1] for url in page.requested} == {"report.html", "report.css"}


DRAWING = """(() => {
    window.names = [];
    window.corners = [];
    let path = [];
    const first = document.querySelector('canvas');
    const note = {
        fillText(text, x, y) {
            if (this.canvas === first) names.push([text, x, y, this.measureText(text).width]);
        },
        beginPath() { path = []; },
        lineTo(x, y) { path.push(y); },
        fill(shape) { if (this.canvas === first && !shape) corners.push(...path); },
    };
    for (const [method, noted] of Object.entries(note)) {
        const original = CanvasRenderingContext2D.prototype[method];
        CanvasRenderingContext2D.prototype[method] = function (...given) {
            noted.apply(this, given);
            return original.apply(this, given);
        };
    }
    document.querySelector('.controls button').click();
})()"""


def test_the_names_of_faults_are_above_the_chart_and_cover_neither_markers_nor_each_other(
    page, folder
):
    open_file(page, folder)
    page.wait("document.querySelectorAll('canvas').length")
    page.js(DRAWING)  # with a note of where the names and the markers of the first chart are
    faults = "JSON.parse(document.getElementById('chart-data').textContent).faults"
    drawn = f"names.filter(([text]) => {faults}.some((fault) => fault.id === text))"
    names = page.wait(f"corners.length && {drawn}.length && {drawn}")
    below_the_line_px = 3  # how far letters such as g reach below the line on which they stand
    assert max(y for _, _, y, _ in names) + below_the_line_px <= page.js("Math.min(...corners)")
    row_px = 11
    for number, (_, x, y, width) in enumerate(names):
        assert y > row_px
        assert x + width <= page.js("document.querySelector('canvas').width")
        for _, other_x, other_y, other_width in names[:number]:
            apart = x >= other_x + other_width or other_x >= x + width
            assert apart or abs(y - other_y) > row_px


def test_without_scripts_the_pictures_and_all_evidence_are_there(page, folder):
    page.without_scripts()
    open_file(page, folder)
    assert page.js("document.querySelectorAll('canvas').length") == 0
    for selector in ("#figure-timeline svg", "#figure-latency svg", "#evidence-lost-acked"):
        assert page.js(visible(selector))


def test_the_page_has_its_style_under_the_policy_of_a_ci_server(page, folder):
    with served(folder, POLICY) as url:
        page.open(f"{url}/report.html")
        page.wait("document.readyState === 'complete'")
        style = "getComputedStyle(document.querySelector('{}')).{}"
        assert page.js(style.format(".banner", "borderLeftWidth")) == "8px"
        assert page.js(style.format("#timeline svg", "display")) == "block"
        line = "#figure-timeline svg path[stroke*=blue]"
        assert page.js(style.format(line, "stroke")) == "rgb(0, 114, 178)"
        assert page.js(style.format(line, "fill")) == "none"
        assert page.js(visible("#figure-timeline svg"))
        assert page.js("document.querySelectorAll('canvas').length") == 0


def test_the_page_of_a_gate_has_its_style_under_the_policy_of_a_ci_server(page, folder):
    with served(folder, POLICY) as url:
        page.open(f"{url}/gate-slower.html")
        page.wait("document.readyState === 'complete'")
        style = "getComputedStyle(document.querySelector('{}')).{}"
        assert page.js(style.format(".banner", "borderLeftWidth")) == "8px"
        assert page.js(style.format(".forest.invalid .dot", "fill")) == "rgb(179, 38, 30)"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scripts", [True, False])
def test_a_phone_shows_the_page_without_scrolling_sideways(page, folder, name, scripts):
    if not scripts:
        page.without_scripts()
    page.resize(PHONE_PX)
    open_file(page, folder, name)
    page.js("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert sideways(page) == 0


@pytest.mark.parametrize("name", PAGES)
def test_a_desk_shows_every_column_of_every_table(page, folder, name):
    """The last column of a table that is too wide has the answer, and no one scrolls to it."""
    page.resize(DESK_PX)
    open_file(page, folder, name)
    page.js("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    cut = page.js(
        "[...document.querySelectorAll('.wide')].filter((each) =>"
        " each.scrollWidth > each.clientWidth + 1)"
        ".map((each) => each.getAttribute('aria-label') + ' ' + each.scrollWidth)"
    )
    assert cut == []


def test_a_phone_shows_both_values_and_the_answer_of_a_comparison(page, folder):
    page.resize(PHONE_PX)
    open_file(page, folder, "compared.html")
    right = page.js(
        "Math.max(...[...document.querySelectorAll('.compared td')]"
        ".map((each) => each.getBoundingClientRect().right))"
    )
    assert right <= PHONE_PX


LEGENDS = """[...document.querySelectorAll(".live")].map((live) =>
  [...live.querySelectorAll(".u-series")].map((row) => [...row.children].map((each) =>
    getComputedStyle(each).visibility === "visible" ? each.textContent.trim() : ""
  ).join(" ").trim()))
"""


def test_a_legend_has_values_only_while_a_chart_is_pointed_at(page, folder):
    open_file(page, folder, "report.html")
    page.wait("document.querySelector('.live .u-over') !== null")
    time_row, *lines = page.js(LEGENDS)[0]
    assert time_row == ""
    assert lines[0] == "sent"
    assert "–" not in "".join(lines)
    page.js(
        "const over = document.querySelector('.live .u-over');"
        "const at = over.getBoundingClientRect();"
        "const where = {clientX: at.left + at.width / 2, clientY: at.top + 20, bubbles: true};"
        "over.dispatchEvent(new MouseEvent('mouseenter', where));"
        "over.dispatchEvent(new MouseEvent('mousemove', where));"
    )
    page.wait(f"!{LEGENDS}.flat().includes('')")  # all charts show the same second
    time_row, *lines = page.js(LEGENDS)[0]
    assert time_row.startswith("time ")
    assert time_row.endswith(" s")
    page.js("document.querySelector('.live .u-over').dispatchEvent(new MouseEvent('mouseleave'))")
    page.wait(f"{LEGENDS}[0][0] === ''")


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_in_print(page, folder, name, tmp_path):
    page.resize(PRINTED_PX)
    page.show_as_printed()
    open_file(page, folder, name)
    cut = page.js(
        "[...document.querySelectorAll('.wide')].filter((each) => each.getClientRects().length"
        " && each.scrollWidth > document.querySelector('main').clientWidth + 1)"
        ".map((each) => each.getAttribute('aria-label') + ' ' + each.scrollWidth)"
    )
    assert cut == []
    assert page.js(visible(PICTURES[name]))
    page.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [PHONE_PX, 1300])
def test_axe_finds_nothing(page, folder, name, width):
    source = (AXE / "axe.min.js").read_text()
    assert hashlib.sha256(source.encode()).hexdigest() in (AXE / "README.md").read_text()
    page.resize(width)
    open_file(page, folder, name)
    page.js("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.js(source + "; window.found = null; axe.run().then((each) => { window.found = each; })")
    page.wait("window.found !== null", within_s=60)
    found = page.js(
        "window.found.violations.map((each) => each.id + ': ' +"
        " each.nodes.slice(0, 3).map((node) => node.html.slice(0, 150)).join(' | '))"
    )
    assert found == []
    assert page.js("window.found.passes.length") > 10
