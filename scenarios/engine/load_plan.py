"""Plans the load of one worker before anything connects: its adapter and its traffic."""

from dataclasses import dataclass

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import accounts
from gauntlet.core.scenario.accounts import Account
from gauntlet.core.scenario.capabilities import OPEN_ACCOUNTS, SELF_ECHO
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.traces import message_trace
from gauntlet.core.scenario.traits import Traits
from gauntlet.scenarios import adapters
from gauntlet.scenarios.adapters.base import Adapter
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.message_texts import DEFAULT_BYTES_MAX, MessageTexts

_OWN_SYSTEM = "0"  # {run} on a system that is started for the run and keeps nothing of it


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What worker `stripe.worker` of a run will do, and the ledger that counts it."""

    load: LoadFile
    stripe: Stripe
    adapter: Adapter
    traffic: Traffic
    ledger: Ledger
    transport: str
    texts: MessageTexts | None  # of the messages; None if their bodies have a fixed size


def plan_load(load: LoadFile, stripe: Stripe) -> LoadPlan:
    """Plan a worker's load; ConfigError where the adapter lacks a capability that it needs."""
    target = load.scenario.target
    adapter, transport = adapters.create(target, load.scenario.load.transport)
    texts = _texts(load, adapter)
    _check_recorded(load, adapter)
    # Only a system that accepts any user name can have users of this run alone.
    tag = load.tag if OPEN_ACCOUNTS in adapter.capabilities else ""
    traffic = Traffic(load.scenario, stripe, load.trace, tag, _accounts(load, stripe))
    if missing := traffic.needs - adapter.capabilities:
        msg = f"adapter {target.adapter!r} has no {', '.join(sorted(missing))}"
        raise ConfigError(msg)
    _check_sign_up(load.scenario, adapter, traffic)
    ledger = Ledger(self_echo=SELF_ECHO in adapter.capabilities, devices=load.scenario.load.devices)
    return LoadPlan(load, stripe, adapter, traffic, ledger, transport, texts)


def signs_up(scenario: Scenario) -> bool:
    """Return whether users create their accounts before they log in."""
    return scenario.accounts is not None and scenario.accounts.sign_up


def _check_sign_up(scenario: Scenario, adapter: Adapter, traffic: Traffic) -> None:
    """Raise ConfigError where users have to sign up and the adapter cannot do it."""
    if signs_up(scenario) and traffic.users:
        user = traffic.users[0]
        if adapter.codec(user.account, user.device).sign_up() is None:
            raise ConfigError(
                f"accounts.sign_up must be false, because the adapter {scenario.target.adapter!r} "
                "cannot create accounts (`Codec.sign_up`); got true"
            )


def _texts(load: LoadFile, adapter: Adapter) -> MessageTexts | None:
    """Return the texts of the load; ConfigError where the system cannot carry its bodies."""
    scenario, traits = load.scenario, adapter.traits
    bodies, name = scenario.load.bodies, scenario.target.adapter
    _check_alphabet(traits.alphabet, name)
    fixed, most = scenario.load.fixed_body_bytes, traits.max_body_bytes
    key = "body_bytes" if scenario.load.body_bytes else f"bodies.{'' if fixed else 'max_'}bytes"
    size = fixed or bodies.max_bytes
    if most is not None and size is not None and size > most:
        raise ConfigError(f"load.{key} must be at most {most} (adapter {name!r}); got {size}")
    return message_texts(scenario, traits, load.tag)


def message_texts(scenario: Scenario, traits: Traits, tag: str) -> MessageTexts | None:
    """Return the texts of a load, which depend on nothing else; None if bodies are fixed."""
    load = scenario.load
    if load.fixed_body_bytes is not None:
        return None
    most = load.bodies.max_bytes or traits.max_body_bytes or DEFAULT_BYTES_MAX
    bytes_max = payload.text_bytes_max(most, tag.rstrip("-"))
    return MessageTexts(
        scenario.seed, bytes_max, traits.alphabet, any_character=traits.any_character
    )


def _check_alphabet(alphabet: str | None, name: str) -> None:
    """Raise ConfigError where the system cannot carry the characters of every body."""
    if alphabet is not None and (missing := sorted(payload.ALPHABET - set(alphabet))):
        raise ConfigError(
            f"adapter {name!r} cannot carry the characters {''.join(missing)!r}, which every body "
            "of the load contains"
        )


def _check_recorded(load: LoadFile, adapter: Adapter) -> None:
    """Raise ConfigError where recorded messages cannot be sent, or would be written to a file."""
    if load.trace is None or load.trace.messages is None:
        return
    messages, traits = load.trace.messages, adapter.traits
    message_trace.check_bodies(
        messages, traits.max_body_bytes, traits.alphabet, load.scenario.target.adapter
    )
    if messages.texts and load.traced_users:
        raise ConfigError(
            "--trace must be 0, because frames contain the recorded texts of "
            f"{messages.file}; got {load.traced_users}"
        )


def _accounts(load: LoadFile, stripe: Stripe) -> tuple[Account, ...]:
    """Return the accounts of a worker's slots; none where the scenario names no accounts."""
    named = load.scenario.accounts
    if named is None:
        return ()
    first, count = accounts.share(stripe.worker, stripe.workers, load.scenario.load.users)
    rows = load.accounts
    if rows is not None:  # the master has sent this worker's share
        first = 0
    return accounts.make(named, first, count, load.tag.rstrip("-") or _OWN_SYSTEM, rows)
