"""Pages need neither the network nor inline styles, and contain the released library unchanged."""

import hashlib
import json
import re

from gauntlet.campaigns.gate.outputs import page as gate_page
from gauntlet.reports.render import pages
from gauntlet.reports.render.pages import Section

HOSTILE = "</script><script>alert(1)</script>&\u2028"


def test_the_library_is_the_released_one():
    listed = dict(
        re.findall(
            r"`(uPlot\.[\w.]+)` \| `([0-9a-f]{64})`", (pages.LIBRARY / "README.md").read_text()
        )
    )
    files = [file for file in pages.LIBRARY.iterdir() if file.suffix in (".js", ".css")]
    assert {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == listed
    assert "MIT License" in (pages.LIBRARY / "LICENSE").read_text()


def test_the_data_of_the_charts_cannot_end_its_script():
    data = {"name": HOSTILE}
    page = pages.page(HOSTILE, [], {}, data)
    (text,) = re.findall(r'id="chart-data">(.*?)</script>', page)
    assert json.loads(text) == data
    assert "<script>alert" not in page


def test_a_page_without_data_has_no_script():
    assert "<script" not in pages.page("x", [], {})


def test_each_section_is_in_the_contents_under_its_heading():
    contexts = {"checks": {"rows": []}, "errors": {"rows": [], "connections": None}}
    parts = [Section("first", "checks", contexts["checks"])]
    parts += [Section(name, name, context) for name, context in contexts.items()]
    page = pages.page("x", parts, {})
    assert re.findall(r'<a href="#(\w+)">(\w+)</a>', page) == [
        ("checks", "Checks"),
        ("errors", "Errors"),
    ]


def test_a_page_can_have_templates_and_a_style_of_its_own(tmp_path):
    (tmp_path / "mine.html").write_text("<h2>{{ section.name }}</h2>")
    (tmp_path / "style.css").write_text(".mine { color: red; }")
    page = pages.page("x", [Section("mine", "mine", {"name": "<b>"})], {}, None, "m.css", tmp_path)
    assert "<h2>&lt;b&gt;</h2>" in page
    assert pages.style(tmp_path) == pages.style() + ".mine { color: red; }"
    assert pages.style(tmp_path) in page
    assert ".mine" not in pages.page("x", [], {})


def test_templates_have_no_inline_style_or_handler():
    """Content policies of CI servers forbid both."""
    for template in pages.TEMPLATES.glob("*.html"):
        assert not re.search(r"\s(style|on\w+)=", template.read_text()), template.name


def test_a_print_is_light_and_has_the_layout_of_a_desk():
    """A4 is as narrow as a large phone, and paper is never dark."""
    for style in (pages.style(), pages.style(gate_page.TEMPLATES)):
        assert "@media screen and (prefers-color-scheme: dark)" in style
        assert "@media screen and (max-width: 760px)" in style
        assert "@media (" not in style
