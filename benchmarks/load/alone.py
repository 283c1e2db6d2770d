"""The engine without Locust, in the main thread, for use in a profiler.

`python -m benchmarks.load.alone LOAD_JSON` runs the load of a file to its end.
"""

import asyncio
import logging
import sys
from pathlib import Path

import uvloop

from benchmarks import workloads
from gauntlet.core import os_limits
from gauntlet.scenarios.engine import load_file
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.schedule.arrivals import Stripe


async def _run(file: Path) -> None:
    load = load_file.read(file)
    engine = Engine(load, Stripe())
    for _ in range(load.scenario.load.users):
        engine.command(engine.add_user)
    asyncio.get_running_loop().call_later(
        load.scenario.load.duration_s, engine.command, engine.drain
    )
    await engine.run()


def main() -> None:
    """Run the load described by the file in the first argument."""
    workloads.register()
    logging.getLogger("picows").setLevel(logging.WARNING)
    os_limits.raise_descriptors()
    uvloop.run(_run(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
