"""The page of a plan."""

import html.parser
import re

import pytest

from gauntlet.campaigns.plan.outputs import page

from ..example import capacity
from ..planned import MARKUP, hostile, planned, with_prices

VOID = {"meta", "br"}


class Reader(html.parser.HTMLParser):
    """Notes tags and texts, and that each tag is closed."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.far, self.texts = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("class") or ""))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.texts.append((data, [name for _, name in self.open]))


def read(plan):
    reader = Reader()
    reader.feed(page.document(plan))
    assert reader.open == []
    return reader


PLANS = {"plain": planned, "with prices": with_prices, "hostile": hostile}


@pytest.mark.parametrize("make", PLANS.values(), ids=PLANS)
def test_the_page_is_complete_without_scripts_and_needs_no_network(make):
    reader = read(make())
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "img", "link", "iframe"}
    used = {name for _, attributes in reader.tags for name in attributes}
    assert not used & {"src", "style", "onerror"}
    links = [attributes["href"] for _, attributes in reader.tags if "href" in attributes]
    assert all(link.startswith("#") for link in links)


def test_hostile_texts_are_shown_and_do_nothing():
    text = page.document(hostile())
    assert MARKUP not in text
    assert "&lt;img src=x" in text
    assert "\x1b" not in text


def test_every_extrapolated_value_looks_different():
    """Whatever begins with the mark stands in an element of the class, with its interval."""
    reader = read(with_prices())
    marked = [(text, kinds) for text, kinds in reader.texts if text.strip().startswith("≈ ")]
    assert len(marked) > 12
    # In a chart, the mark alone has to do.
    assert all("far" in kinds or "at" in kinds for _, kinds in marked)
    intervals = [
        text for text, kinds in reader.texts if "far" in kinds and text.strip().startswith("(")
    ]
    assert len(intervals) >= len(marked) - 2  # the legend and the chart have none


def test_within_what_was_measured_no_number_of_nodes_looks_extrapolated():
    text = page.document(planned(users=6_000, zones=1))
    nodes = text.split("<h2>Nodes</h2>")[1].split("</section>")[0]
    assert 'class="near"' in nodes
    assert 'class="far"' not in nodes


def test_what_was_not_measured_and_the_line_to_sign_are_there():
    plan = planned()
    text = "".join(text for text, _ in read(plan).texts)
    for sentence in (*plan.not_measured, *plan.assumptions):
        assert sentence.replace("`", "") in text
    assert page.digest(plan) in text
    assert "signature" in text
    assert plan.evidence[0].runs[0][1] in text


def test_the_first_screen_says_that_something_was_not_measured_and_leads_to_the_list():
    plan = planned()
    first_screen, _, rest = page.document(plan).partition("</header>")
    assert plan.not_measured[0] in first_screen
    assert '<a href="#not-measured">' in first_screen
    assert f"({len(plan.not_measured)})" in first_screen
    assert 'id="not-measured"' in rest


def test_no_number_is_parted_from_its_mark_or_its_unit():
    """At the end of a line, `≈` would otherwise stand alone."""
    reader = read(with_prices())
    marked = [kinds for text, kinds in reader.texts if text.startswith("≈ ") and "far" in kinds]
    assert len([kinds for kinds in marked if "value" not in kinds]) <= 1  # the legend is words
    assert re.search(r"\.value, [^{]*\{ white-space: nowrap; \}", page.style())


def test_commands_in_sentences_are_code():
    assert page.coded("`gauntlet plan` & more") == "<code>gauntlet plan</code> &amp; more"
    assert page.coded("one ` alone <b>") == "one ` alone &lt;b&gt;"
    reader = read(planned())
    assert "gauntlet plan --from" in [text for text, _ in reader.texts]


def test_the_time_of_a_plan_is_for_a_person():
    assert page.minute("2026-11-30T06:36:24Z") == "2026-11-30 06:36 UTC"


def test_a_print_is_light_and_has_the_layout_of_a_desk():
    """A4 is as narrow as a large phone, and paper is never dark."""
    style = page.style()
    assert "@media screen and (prefers-color-scheme: dark)" in style
    assert "@media (" not in style
    assert "@page { size: A4;" in style


def test_the_digest_changes_with_the_plan():
    assert page.digest(planned()) == page.digest(planned())
    assert page.digest(planned()) != page.digest(planned(zones=2))


def test_a_plan_without_storm_growth_or_sustainable_load_says_so():
    text = page.document(planned(capacity(sustainable=()), zones=1))
    assert "its loss is an outage" in text
    assert "no price file was given" in text
    assert "Sustainable load" not in text
