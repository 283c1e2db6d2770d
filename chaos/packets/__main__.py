"""The process that reorders packets: `python -m gauntlet.chaos.packets TABLE SHARE HOLD_S PORT…`.

It prints one line when it begins, `{}` or `{"error": …}`, and then how many packets it has
reordered for each line that it reads. It ends with its input. The rules and the queue end with it.
"""

import json
import os
import random
import select
import sys
import time

from gauntlet.chaos.packets import queue_rules
from gauntlet.chaos.packets.netlink import Netlink
from gauntlet.chaos.packets.packet_queue import PacketQueue
from gauntlet.chaos.packets.swaps import Swaps
from gauntlet.core.errors import StackError

_READ_BYTES = 4096


def main(arguments: list[str]) -> int:
    """Reorder packets until the input ends."""
    table, share, hold_s, *ports = arguments
    swaps = Swaps(float(share), float(hold_s), random.Random())
    try:
        queue, owner = PacketQueue(), Netlink()
        queue_rules.add(owner, table, [int(port) for port in ports], queue.number)
    except StackError as error:
        _print({"error": str(error)})
        return 1
    _print({})
    try:
        _serve(queue, swaps)
    finally:
        owner.close()  # first the rules, so that nothing more is queued
        queue.accept(swaps.due(float("inf")))
        queue.close()
    return 0


def _serve(queue: PacketQueue, swaps: Swaps) -> None:
    commands = sys.stdin.fileno()
    while True:
        wait_s = swaps.wait_s(time.monotonic())
        ready, _, _ = select.select([queue, commands], [], [], wait_s)
        if queue in ready:
            for packet in queue.packets():
                queue.accept(swaps.offer(packet, time.monotonic()))
        queue.accept(swaps.due(time.monotonic()))
        if commands in ready:
            lines = os.read(commands, _READ_BYTES)
            if not lines:
                return
            for _ in range(lines.count(b"\n")):
                _print({"reordered": swaps.reordered})


def _print(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
