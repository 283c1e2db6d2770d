"""Prepares the users of a worker before the timeline of the load begins."""

from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.engine.network_settings import network_of
from gauntlet.scenarios.network import preparation
from gauntlet.scenarios.network.transport import SocketTransport, check_addresses


async def prepare(plan: LoadPlan) -> None:
    """Make the requests that the adapter needs for its users; StackError if one fails."""
    traffic, load = plan.traffic, plan.load
    names = {user.number: user.name for user in traffic.users}
    conversations = {
        conv.name: [names[number] for number in conv.members]
        for conv in traffic.conversations.values()
    }
    requests = plan.adapter.prepare([user.account for user in traffic.users], conversations)
    if requests is None:
        return
    network = network_of(load)
    await check_addresses(network.hosts, load.api)
    transport = SocketTransport(network, load.api, plan.transport, _fail)
    try:
        await preparation.carry_out(requests, transport)
    finally:
        await transport.shut()


def _fail(error: BaseException) -> None:
    """Report an error of a connection, of which a preparation has none."""
    raise error
