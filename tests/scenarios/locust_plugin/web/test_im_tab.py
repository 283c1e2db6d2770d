"""The IM tab's routes; what a browser makes of them is tested in tests/browser."""

from ..told import told


def test_the_page_is_served_below_locusts_own():
    """Whatever the base path: page, figures and exports are there, other files are not."""
    found = told("""
        import types
        from gauntlet.scenarios.locust_plugin.web import im_tab as live_tab
        environment.parsed_options = types.SimpleNamespace(
            web_base_path="/lab", num_users=1, spawn_rate=1, run_time=None,
            stats_history_enabled=False,
        )
        web_ui = environment.create_web_ui("127.0.0.1", 0, "/lab", delayed_start=True)
        statistics = Statistics(environment)
        live_tab.install(environment, statistics)
        statistics.take(second([412, 700]))
        client = web_ui.app.test_client()
        def get(path):
            answer = client.get(f"/lab/{path}")
            return [answer.status_code, answer.get_data(as_text=True)]
        print(json.dumps({path: get(path) for path in (
            "", "im/", "im/im.js", "im/live.json", "im/latency.csv", "im/seconds.csv",
            "im/report", "im/im.html", "im/..%2Flive_tab.py",
        )}))
    """)
    codes = {path: code for path, (code, _) in found.items()}
    assert [path for path, code in codes.items() if code != 200] == [
        "im/report", "im/im.html", "im/..%2Flive_tab.py",
    ]  # fmt: skip
    assert "./im/tab.js" in found[""][1]
    assert '"title": "IM"' in found[""][1]
    assert '"run": null' in found["im/live.json"][1]
    assert "response,2,0.412" in found["im/latency.csv"][1]


def test_the_page_needs_nothing_from_elsewhere():
    """No address in it leads away from Locust: it works on a machine without a network."""
    found = told("""
        from gauntlet.scenarios.locust_plugin.web.im_tab import PAGE
        print(json.dumps({file.name: file.read_text() for file in PAGE.iterdir()}))
    """)
    assert set(found) == {"im.html", "im.css", "im.js", "tab.js"}
    for text in found.values():
        assert "//cdn" not in text
        assert "https://" not in text.replace("http://www.w3.org/2000/svg", "")
