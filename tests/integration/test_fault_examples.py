"""The examples of docs/reference/faults.md act on the real server, are proven and are healed."""

import contextlib
import http.client
import json
import re
import threading
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import yaml
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from gauntlet.chaos.clients import packet_filter
from gauntlet.chaos.faults import conflicts
from gauntlet.chaos.packets import packet_reorder
from gauntlet.chaos.server_hooks.faults import hooks_for
from gauntlet.chaos.timeline import Timeline
from gauntlet.core import clock
from gauntlet.core.scenario import catalog, loader
from gauntlet.core.scenario.moments import FixedTime

from .running_stack import SERVICES, post, require_control_groups, run_stack

pytestmark = [pytest.mark.integration, pytest.mark.ci, pytest.mark.timeout(240)]

PAGE = (Path(__file__).parents[2] / "docs/reference/faults.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
WHOLE = {
    "version": 1,
    "name": "example",
    "about": "An example of the page.",
    "load": {"steady": "60s"},
}


# They act in different ways on the brokers of the two stacks.
ON_BOTH_STACKS = {"queue-delete", "connection-churn"}
# Most machines for CI allow no control groups.
BY_CONTROL_GROUPS = {"cpu-limit": "cpu", "oom-kill": "memory", "memory-pressure": "memory"}
# They take rights, and a kernel with netfilter.
ON_PACKETS = {"packet-loss": packet_filter, "reorder": packet_reorder}


def examples():
    """Yield the faults of all examples, each with the stack that it needs.

    That is its name, the fault proxy, whether clients use TLS, and the store with a standby.
    """
    for block in BLOCKS:
        for fault in yaml.safe_load(block).get("faults", []):
            kind = catalog.FAULTS[fault["kind"]]
            both = ("embedded", "full") if kind.name in ON_BOTH_STACKS else ()
            only = "full" if fault.get("target") == "messages-db" else kind.stack or "embedded"
            for stack in both or (only,):
                parsed = named(fault["id"], block, stack)
                tls = kind.name == "certificate-expiry"
                # After a failover the store is not the primary any more.
                standby = parsed.target if kind.standby else ""
                backend = conflicts.backend_for([parsed], "auto")
                yield (stack, backend, tls, standby), parsed


def named(name, block, stack):
    """Return one fault of a block, as a scenario with what of the block fits the stack has it."""
    content = yaml.safe_load(block)
    if stack == "embedded":  # its databases are files
        content["faults"] = [
            fault for fault in content["faults"] if fault.get("target") != "messages-db"
        ]
    text = yaml.safe_dump({**WHOLE, "target": {"stack": stack}, **content})
    (found,) = (each for each in loader.parse(text, "example").faults if each.id == name)
    return found


EXAMPLES = list(examples())
DISKS = {"message": "message-1", "social": "social-1"}


def _needs_disk(fault):
    return catalog.FAULTS[fault.kind].disk


@pytest.fixture(scope="module")
def stacks(require_service, tmp_path_factory):
    """Start a stack when the first example needs it; end all of them afterwards."""
    with contextlib.ExitStack() as cleanup:
        started = {}

        def get(name):
            stack, backend, tls, standby = name
            for service in SERVICES[stack]:
                require_service(service)
            if name not in started:
                folder = tmp_path_factory.mktemp(stack)
                mine = [fault for needed, fault in EXAMPLES if needed == name]
                disks = {DISKS[fault.target] for fault in mine if _needs_disk(fault)}
                more = {"config": {"tls": True}, "startup_hooks": hooks_for(mine)} if tls else {}
                more |= {"standbys": [standby]} if standby else {}
                started[name] = cleanup.enter_context(
                    run_stack(stack, folder, (), backend, disks, mine, edges=1, **more)
                )
            return started[name]

        yield get


@contextlib.contextmanager
def online(url, user):
    """Connect a user to an edge; yield the WebSocket."""
    answer = post(urlsplit(url).netloc, "/v1/sessions", {"user": user, "device": "d"})
    hello = {"token": answer["token"], "device": "d", "cursors": {}}
    address = answer["connect"]["url"]
    with connect(address, subprotocols=["im.v1.json"], open_timeout=5) as socket:
        socket.send(json.dumps({"connect": hello}))
        socket.recv(timeout=5)
        yield socket


@contextlib.contextmanager
def sending(api):
    """Send messages continuously beside users who are online, and ignore errors."""
    stop = threading.Event()
    errors = (OSError, http.client.HTTPException, WebSocketException, ValueError, KeyError)

    def stay(url, user, tried):
        while not stop.wait(0.05):
            with contextlib.suppress(*errors), online(url, user) as socket:
                tried.set()
                while not stop.wait(0.05):
                    socket.send('{"ping":{}}')
            tried.set()

    def send(url):
        address, token, number = urlsplit(url).netloc, "", 0
        while not stop.wait(0.05):
            with contextlib.suppress(*errors):
                if not token:
                    user = {"user": "a", "device": "d"}
                    token = post(address, "/v1/sessions", user)["token"]
                number += 1
                message = {"client_msg_id": f"m{number}", "body": "x"}
                post(address, "/v1/conversations/d.a.b/messages", message, token)

    threads = [threading.Thread(target=send, args=(url,)) for url in api]
    tries = {name: threading.Event() for name in ("b", "c", "d", "e")}
    threads += [threading.Thread(target=stay, args=(api[0], *each)) for each in tries.items()]
    for thread in threads:
        thread.start()
    for tried in tries.values():
        tried.wait(20)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("stack", "fault"), EXAMPLES, ids=[f"{fault.id}-{stack[0]}" for stack, fault in EXAMPLES]
)
def test_the_example_of_a_fault_acts_and_is_healed(stacks, stack, fault):
    """It begins immediately, and lasts as long as in the example."""
    if fault.kind in BY_CONTROL_GROUPS:
        require_control_groups(BY_CONTROL_GROUPS[fault.kind])
    running = stacks(stack)
    if _needs_disk(fault) and running.context.no_disks:
        pytest.skip(running.context.no_disks)
    if catalog.FAULTS[fault.kind].clock and running.context.no_clocks:
        pytest.skip(running.context.no_clocks)
    if fault.kind in ON_PACKETS and (reason := ON_PACKETS[fault.kind].unavailable()):
        pytest.skip(reason)
    running.context.journal.clear()
    now = msgspec.structs.replace(fault, at=FixedTime(0))
    with sending(running.api):
        outcome = Timeline([now], running.context, clock.now_ns()).run(threading.Event())
    assert [result.errors for result in outcome.faults] == [[]]
    assert (outcome.failed, outcome.unhealed) == ([], [])
    rows = [row for row in running.context.journal if row["kind"] == "fault"]
    steps = [row["step"] for row in rows]
    assert steps == ["requested", "effective", "heal-requested", "healed"]
    assert rows[1]["proof"], rows[-1]["detail"]
