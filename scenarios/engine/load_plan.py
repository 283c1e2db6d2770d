"""Plans the load of one worker before anything connects: its adapter and its traffic."""

from dataclasses import dataclass

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.capabilities import OPEN_ACCOUNTS, SELF_ECHO
from gauntlet.scenarios import adapters
from gauntlet.scenarios.adapters.base import Adapter
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What worker `stripe.worker` of a run will do, and the ledger that counts it."""

    load: LoadFile
    stripe: Stripe
    adapter: Adapter
    traffic: Traffic
    ledger: Ledger
    transport: str


def plan_load(load: LoadFile, stripe: Stripe) -> LoadPlan:
    """Plan a worker's load; ConfigError where the adapter lacks a capability that it needs."""
    target = load.scenario.target
    adapter = adapters.find(target.adapter)(target.server)
    transport = load.scenario.load.transport or adapter.transports[0]
    if transport not in adapter.transports:
        allowed = ", ".join(adapter.transports)
        raise ConfigError(
            f"load.transport must be one of: {allowed} (adapter {target.adapter!r}); "
            f"got {transport!r}"
        )
    adapter.use(transport)
    # Only a system that accepts any user name can have users of this run alone.
    tag = load.tag if OPEN_ACCOUNTS in adapter.capabilities else ""
    traffic = Traffic(load.scenario, stripe, load.trace, tag)
    if missing := traffic.needs - adapter.capabilities:
        msg = f"adapter {target.adapter!r} has no {', '.join(sorted(missing))}"
        raise ConfigError(msg)
    ledger = Ledger(self_echo=SELF_ECHO in adapter.capabilities, devices=load.scenario.load.devices)
    return LoadPlan(load, stripe, adapter, traffic, ledger, transport)
