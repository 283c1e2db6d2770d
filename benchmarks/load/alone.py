"""The engine without Locust, in the main thread: what a profiler should look at.

`python -m benchmarks.load.alone LOAD_JSON` runs the load of a file to its end.
"""

import asyncio
import logging
import sys
from pathlib import Path

import uvloop

from benchmarks import workloads
from gauntlet.kernel import limits
from scenarios import loadfile
from scenarios.arrivals import Stripe
from scenarios.engine import Engine


async def _run(file: Path) -> None:
    load = loadfile.read(file)
    engine = Engine(load, Stripe())
    for _ in range(load.scenario.load.users):
        engine.commands.append(engine.add_user)
    asyncio.get_running_loop().call_later(
        load.scenario.load.duration_s, engine.commands.append, engine.drain
    )
    await engine.run()


def main() -> None:
    """Run the load of the file that is named."""
    workloads.register()
    logging.getLogger("picows").setLevel(logging.WARNING)
    limits.raise_descriptors()
    uvloop.run(_run(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
