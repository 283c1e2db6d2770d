"""The section about the components."""

import json

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import Journal
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge

HOSTILE = "<script>x</script>"


@pytest.fixture
def run(tmp_path):
    """A run of which nothing is known of its components."""
    return good_story(1).write(tmp_path)


def page(run):
    render(run, judge(run))
    return run.report.read_text()


def test_a_run_without_samples_has_no_such_section(run):
    assert "figure-components" not in page(run)


def test_the_section_has_the_chart_the_table_and_the_data_for_the_scripts(run):
    zero_ns = next(row["t_ns"] for row in run.read_events() if row.get("phase") == "ramp")
    journal = Journal(run, "vitals-more")
    for second in range(1, 9):
        use = {"edge-1": 0.5, HOSTILE: 0.25}
        t_ns = zero_ns + second * NS_PER_S
        journal.write("vitals", t_ns=t_ns, component_cores=use, **VITALS)
    journal.close()
    text = page(run)
    assert '<figure id="figure-components"><div class="wide"' in text
    assert "<td>0.5 · 0.5</td>" in text
    assert "CPU, cores" in text
    assert HOSTILE not in text
    data = json.loads(text.partition('id="chart-data"')[2].partition(">")[2].partition("</")[0])
    (chart,) = [each for each in data["charts"] if each["figure"] == "figure-components"]
    assert [line["name"] for line in chart["lines"]] == ["edge-1", HOSTILE]
    assert chart["lines"][0]["values"][:8] == [0.5] * 8
    assert chart["lines"][0]["values"][8] is None


VITALS = {"cpus": 2, "boot": "b", "machine_cpu_share": 0.5, "cores": {"stack": 0, "conductor": 0}}
