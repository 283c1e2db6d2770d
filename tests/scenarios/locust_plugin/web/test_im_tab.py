"""The IM tab's routes. What a browser shows is tested in tests/browser."""

import json

import pytest

from ..child_script import run_script

pytestmark = pytest.mark.integration  # starts processes that import Locust


def test_the_page_is_served_below_locusts_base_path():
    """The page, its data and the exports are served; other files are not."""
    responses = run_script("""
        import types
        from gauntlet.scenarios.locust_plugin.web import im_tab
        environment.parsed_options = types.SimpleNamespace(
            web_base_path="/lab", num_users=1, spawn_rate=1, run_time=None,
            stats_history_enabled=False,
        )
        web_ui = environment.create_web_ui("127.0.0.1", 0, "/lab", delayed_start=True)
        statistics = Statistics(environment)
        im_tab.install(environment, statistics, lambda: 1)
        statistics.add(report([412, 700]))
        client = web_ui.app.test_client()
        def get(path):
            response = client.get(f"/lab/{path}")
            return [response.status_code, response.get_data(as_text=True)]
        print(json.dumps({path: get(path) for path in (
            "", "im/", "im/im.js", "im/live.json", "im/latency.csv", "im/seconds.csv",
            "im/report", "im/im.html", "im/..%2Fim_tab.py",
            "im/scenario.json?name=steady", "im/scenario.json?name=none-of-this-name",
        )}))
    """)
    codes = {path: code for path, (code, _) in responses.items()}
    assert [path for path, code in codes.items() if code != 200] == [
        "im/report", "im/im.html", "im/..%2Fim_tab.py",
        "im/scenario.json?name=none-of-this-name",
    ]  # fmt: skip
    form = json.loads(responses["im/scenario.json?name=steady"][1])
    assert form == {"users": 200, "spawn_rate": 40.0}
    assert "./im/tab.js" in responses[""][1]
    assert '"title": "IM"' in responses[""][1]
    assert '"run": null' in responses["im/live.json"][1]
    assert "response,2,0.412" in responses["im/latency.csv"][1]


def test_the_page_works_without_a_network():
    """No address in it leads to another server than Locust."""
    files = run_script("""
        from gauntlet.scenarios.locust_plugin.web.im_tab import PAGE
        print(json.dumps({file.name: file.read_text() for file in PAGE.iterdir()}))
    """)
    assert set(files) == {"im.html", "im.css", "im.js", "tab.js"}
    for text in files.values():
        assert "//cdn" not in text
        assert "https://" not in text.replace("http://www.w3.org/2000/svg", "")
