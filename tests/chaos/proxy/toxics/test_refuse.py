"""refuse."""


def test_connections_that_exist_go_on(run_stage):
    live = run_stage("refuse")
    live.stage.feed(b"abc")
    live.stage.end()
    assert (live.forwarded, live.ended_s) == ([(0, b"abc")], 0)
