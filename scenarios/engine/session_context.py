"""Makes the context that all sessions of a worker share."""

from collections.abc import Callable

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario import leftovers
from gauntlet.scenarios.client.context import Context, Limits
from gauntlet.scenarios.client.readiness import Readiness
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.engine.load_plan import LoadPlan, signs_up
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.recording.worker_files import WorkerFiles
from gauntlet.scenarios.workloads.entities import User


def session_context(
    plan: LoadPlan,
    transport: SocketTransport,
    files: WorkerFiles,
    readiness: Readiness,
    on_connected: Callable[[User], None],
    errors: ErrorLog,
) -> Context:
    """Return the context of a worker's sessions; `on_connected` is called for every connection."""
    load = plan.load.scenario.load
    return Context(
        now_ns=clock.now_ns,
        timers=Timers(),
        transport=transport,
        sink=files.history,
        adapter=plan.adapter,
        ledger=plan.ledger,
        latencies=Latencies(),
        limits=Limits(
            int(load.attempt_timeout * NS_PER_S),
            int(load.give_up_after * NS_PER_S),
            load.fixed_body_bytes or 0,
        ),
        api=plan.load.api,
        conversations=plan.traffic.conversations,
        conversations_of=readiness.conversations_of,
        user_numbers={user.name: user.number for user in plan.traffic.users},
        register_connection=files.directory.write_connection,
        on_connected=on_connected,
        errors=errors,
        tag=plan.load.tag,
        texts=plan.texts,
        older_accounts=leftovers.are_possible(plan.load.scenario, plan.adapter.capabilities),
        signs_up=signs_up(plan.load.scenario),
        on_created=files.directory.write_created,
        on_account=files.directory.write_account,
    )
