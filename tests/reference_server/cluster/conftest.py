"""A component that is only a web server of a few lines."""

import sys

import pytest

from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.ports import PortAllocator

SERVE = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = listener.accept()
    client.recv(1000)
    client.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
    client.close()
"""


@pytest.fixture
def planned():
    """`planned("a")`: a component of that name on a free port."""
    allocate = PortAllocator()
    return lambda name: plan.PlannedComponent(name, name, plan.PYTHON, [allocate()])


@pytest.fixture
def web_server(tmp_path):
    """`web_server(planned)`: the launch specification that starts it."""

    def launch(component, **more):
        argv = (sys.executable, "-c", SERVE, str(component.port))
        return LaunchSpec(argv=argv, log=tmp_path / f"{component.name}.log", **more)

    return launch
