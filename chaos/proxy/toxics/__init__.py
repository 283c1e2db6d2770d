"""The toxics by name. To add one: a file, a line here, a test, a row in the documentation."""

from gauntlet.chaos.proxy.toxics._stage import Stage
from gauntlet.chaos.proxy.toxics.bandwidth import Bandwidth
from gauntlet.chaos.proxy.toxics.half_open import HalfOpen
from gauntlet.chaos.proxy.toxics.latency import Latency
from gauntlet.chaos.proxy.toxics.limit_data import LimitData
from gauntlet.chaos.proxy.toxics.noop import Noop
from gauntlet.chaos.proxy.toxics.refuse import Refuse
from gauntlet.chaos.proxy.toxics.reset_peer import ResetPeer
from gauntlet.chaos.proxy.toxics.slicer import Slicer
from gauntlet.chaos.proxy.toxics.slow_close import SlowClose
from gauntlet.chaos.proxy.toxics.timeout import Timeout

TOXICS: dict[str, type[Stage]] = {
    "bandwidth": Bandwidth,
    "half_open": HalfOpen,
    "latency": Latency,
    "limit_data": LimitData,
    "noop": Noop,
    "refuse": Refuse,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "slow_close": SlowClose,
    "timeout": Timeout,
}
