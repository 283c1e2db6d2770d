"""Wires the parts of one worker's load together: sockets, files, sessions and their context."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from gauntlet.core import clock
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.readiness import Readiness
from gauntlet.scenarios.client.receiver import Receiver
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.engine.actions.user_actions import fill_room
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.engine.network_settings import network_of
from gauntlet.scenarios.engine.scripted_users import ScriptedUsers
from gauntlet.scenarios.engine.scrubbing import error_log_of
from gauntlet.scenarios.engine.session_context import session_context
from gauntlet.scenarios.engine.traced_session import TracedSession
from gauntlet.scenarios.metrics.connect_diagnosis import ConnectDiagnosis
from gauntlet.scenarios.metrics.generator_health import GeneratorHealth
from gauntlet.scenarios.network.transport import SocketTransport, check_addresses
from gauntlet.scenarios.recording.trace_writer import TraceWriter
from gauntlet.scenarios.recording.worker_files import WorkerFiles
from gauntlet.scenarios.workloads.entities import Conversation, User


@dataclass(frozen=True, slots=True)
class Assembly:
    """The running parts of a worker's load. `sessions` holds them by device key."""

    plan: LoadPlan
    transport: SocketTransport
    files: WorkerFiles
    health: GeneratorHealth
    diagnosis: ConnectDiagnosis
    readiness: Readiness
    context: Context
    scripted_users: ScriptedUsers
    sessions: dict[int, Session]
    trace: TraceWriter | None

    def new_session(
        self,
        slot: int,
        user: User,
        rng: Random,
        receiver: Callable[[Context, User, RequestChannel], Receiver],
    ) -> Session:
        """Return a session of the user in a slot, which is traced if it is one of the first."""
        if self.trace is not None and slot < self.plan.load.traced_users:
            return TracedSession(self.trace, self.context, user, rng, receiver)
        return Session(self.context, user, rng, receiver)

    @property
    def timers(self) -> Timers:
        """What is due later, for the engine's tick."""
        return self.context.timers

    def close(self) -> None:
        """Write what is only known at the end, and close all files."""
        self.diagnosis.write(self.files.journal)
        if self.transport.direct:
            # Faults on the links of clients did not act there.
            self.files.journal.write("direct", addresses=sorted(self.transport.direct))
        self.context.errors.write(self.files.journal)
        self.files.write_latencies(self.context.latencies)
        self.files.close()
        self.health.close()
        if self.trace is not None:
            self.trace.close()


async def assemble(
    plan: LoadPlan, on_failure: Callable[[BaseException], None], is_over: Callable[[], bool]
) -> Assembly:
    """Open sockets and files, and write the directory of the planned users and conversations.

    `on_failure` is called with an error that ends the load; `is_over` says whether scripted users
    must send nothing more. ConfigError, before any file is opened, where a target address is not
    allowed.
    """
    load, traffic = plan.load, plan.traffic
    network = network_of(load)
    await check_addresses(network.hosts, load.api)
    devices = load.scenario.load.devices
    errors = error_log_of(load.scenario, traffic.users)
    diagnosis = ConnectDiagnosis(load.api, load.scenario.faults, clock.now_ns)
    errors.listen(diagnosis.record_failure)
    transport = SocketTransport(network, load.api, plan.transport, on_failure, errors.record)
    health = GeneratorHealth()
    files = WorkerFiles(load.run, plan.stripe.worker, health)
    sessions: dict[int, Session] = {}

    async def fill(conv: Conversation) -> None:
        if await fill_room(context, transport, conv, sessions, devices):
            readiness.mark_ready(conv)

    def prepare(conv: Conversation) -> None:
        if conv.is_room:
            transport.spawn(fill(conv))
        else:
            readiness.mark_ready(conv)

    def on_connected(user: User) -> None:
        diagnosis.connected = True
        readiness.on_connected(user)

    readiness = Readiness(plan.ledger, traffic.conversations.values(), prepare, devices)
    context = session_context(plan, transport, files, readiness, on_connected, errors)
    scripted_users = ScriptedUsers(context, traffic, readiness, files.directory, is_over)
    for user in traffic.users:
        files.directory.write_user(user)
    for conv in traffic.conversations.values():
        files.directory.write_conversation(conv)
    trace = None
    if load.traced_users:
        name = f"trace-{plan.stripe.worker}.jsonl"
        trace = TraceWriter(load.run.logs / name, plan.transport, clock.now_ns)
    return Assembly(
        plan,
        transport,
        files,
        health,
        diagnosis,
        readiness,
        context,
        scripted_users,
        sessions,
        trace,
    )
