"""The markup of a chart needs no inline style, which content policies forbid."""

from xml.etree import ElementTree as ET

from gauntlet.reports.render.charts import drawing

SVG = """<?xml version="1.0"?><svg viewBox="0 0 9 9" width="9pt" height="9pt"
 xmlns="http://www.w3.org/2000/svg"><metadata>x</metadata>
<defs><style type="text/css">*{stroke-linejoin: round}</style></defs>
<path id="a" style="fill: none; stroke: #0072b2; stroke-width: 1.5"/>
<text style="font: bold 9px 'A', sans-serif; text-anchor: end; fill: #1b1f24">a &lt; b</text>
<use style="opacity: 0.5" clip-path="url(#a)"/></svg>"""


def test_styles_become_attributes_and_colours_become_variables():
    markup = drawing.for_page(SVG, "chart", 'a "b" <c>')
    assert "style" not in markup
    root = ET.fromstring(markup)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'a "b" <c>'
    assert root.get("width") is None
    path, text, use = root.find("path"), root.find("text"), root.find("use")
    assert path.attrib == {
        "id": "chart-a", "fill": "none", "stroke": "var(--blue, #0072b2)", "stroke-width": "1.5",
    }  # fmt: skip
    assert text.attrib == {
        "font-size": "9px", "font-weight": "bold", "text-anchor": "end",
        "fill": "var(--ink, #1b1f24)",
    }  # fmt: skip
    assert text.text == "a < b"
    assert use.attrib == {"opacity": "0.5", "clip-path": "url(#chart-a)"}
