"""Records with unit costs that `gauntlet capacity` has fitted to trials with known costs."""

import msgspec

from gauntlet.campaigns.capacity import costs as capacity_costs

from ..capacity.example import MACHINE, TIERS, trial
from .example import capacity

TRIALS = (
    trial(20),
    trial(50),
    trial(100, connection=80.0),
    trial(80, fan_out=19.0),
    trial(60, handshake=12.0),
    trial(40, handshake=5.0, connection=160.0),
    trial(120, fan_out=1.0),
    trial(30, fan_out=10.0, handshake=20.0),
)


def fitted(trials=TRIALS):
    """Return the record with the costs of trials."""
    found = capacity_costs.fit(trials)
    return capacity(
        machine=MACHINE,
        unit_costs=found.unit_costs,
        not_measured=found.not_measured,
        trials=trials,
    )


def with_bus():
    """Return trials of a system with a message bus, of which CPU, memory and network are measured.

    The memory of the bus and of the message service changes a little from trial to trial, and does
    not depend on connections. An edge sends 100 bytes for each delivery, the bus 700 for a message.
    """
    return tuple(
        msgspec.structs.replace(
            each,
            use=each.use
            | {
                "broker-1/cpu_s": 0.01 + 1e-4 * each.measured["message"],
                "broker-1/memory_bytes": 50e6 + 1e5 * (number % 3),
                "broker-1/network_bytes": 700.0 * each.measured["message"],
                "message-1/memory_bytes": 80e6 + 2e5 * (number % 2),
                "message-1/network_bytes": 500.0 * each.measured["message"],
                "edge-1/network_bytes": 50.0 * each.measured["delivery"],
                "edge-2/network_bytes": 50.0 * each.measured["delivery"],
            },
            tiers=TIERS | {"broker-1": "broker"},
        )
        for number, each in enumerate(TRIALS)
    )
