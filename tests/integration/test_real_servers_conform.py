"""`gauntlet adapter check` on real servers: what each adapter declares holds, and nothing else."""

import pytest

from gauntlet.core.errors import Exit
from gauntlet.scenarios.conformance import check
from gauntlet.scenarios.conformance.findings import Outcome, exit_code
from gauntlet.scenarios.conformance.subject import Subject
from gauntlet.stacks import STACKS

from .small_runs import ADAPTERS

pytestmark = [pytest.mark.integration, pytest.mark.ci]


def server(stack, *, slow=False, **settings):
    """Return one case: a stack and its settings."""
    marks = (pytest.mark.full,) if slow else ()
    name = "-".join([stack, *(f"{key}-{value}".lower() for key, value in settings.items())])
    return pytest.param(stack, settings, id=name, marks=marks)


@pytest.fixture
def boot(tmp_path, require_service):
    """`boot(stack, settings)` starts a server and returns its addresses."""
    booted = []

    def start(stack, settings):
        require_service(stack)
        request = {"data_dir": str(tmp_path), "log_dir": str(tmp_path), "config": settings}
        booted.append(STACKS[stack](request, lambda _event: None))
        booted[-1].plan()
        return booted[-1].start({}).api

    yield start
    for stack in booted:
        stack.stop()


@pytest.mark.parametrize(
    ("stack", "settings"),
    [
        server("centrifugo"),
        server("centrifugo", history=False, slow=True),
        server("socketio"),
        server("socketio", recovery=False, slow=True),
        server("ejabberd", slow=True),
        server("prosody", slow=True),
        server("mosquitto", qos=1, slow=True),
        server("nats", slow=True),
        server("synapse", slow=True),
    ],
)
def test_what_the_adapter_declares_holds(boot, stack, settings):
    urls = boot(stack, settings)
    report = check.check(Subject(ADAPTERS[stack], urls, settings, users=3))
    assert report.connected, report.errors
    assert exit_code(report.rows) is Exit.OK, report.rows
    rows = {row.finding.subject: row for row in report.rows}
    assert rows["rooms"].declared == (ADAPTERS[stack] != "xmpp")
    assert rows["resume"].declared == (rows["resume"].finding.outcome is Outcome.HOLDS)
