"""The command-line options, and form fields, that we add to Locust's."""

import argparse
import itertools
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gauntlet.scenarios import library
from gauntlet.scenarios.locust_plugin.scenario_overrides import Change, attached, derived, driven
from gauntlet.scenarios.schedule.arrivals import SCHEDULES

DEFAULT_SCENARIO = "steady"


def add(parser: Any, **_: Any) -> None:
    """Add ours to Locust's parser (a configargparse one)."""
    group = parser.add_argument_group("IM load")
    in_form = [
        group.add_argument(
            "--scenario",
            default=DEFAULT_SCENARIO,
            help=f"a scenario file, or one of: {', '.join(library.names())}",
        ),
        group.add_argument(
            "--im-rate", default="", help="sends per second, such as 300/s (default: 1/s a user)"
        ),
        group.add_argument(
            "--im-arrivals",
            choices=["", *SCHEDULES],
            default="",
            help="how sends are spaced (default: as the scenario has it)",
        ),
        group.add_argument("--im-stack", default="", help="embedded or full: the server to boot"),
    ]
    for action in in_form:
        action.include_in_web_ui = True  # Locust marks only what is added outside of a group
    group.add_argument(
        "--im-folder",
        default="",
        help="a worker's own: keep its part of the run here, and send it to the master at the end",
    )


def are_driven(user_classes: Collection[type]) -> bool:
    """Whether all users that Locust is going to spawn are driven by their tasks."""
    return bool(user_classes) and all(getattr(one, "is_driven", False) for one in user_classes)


def conduct_arguments(
    options: argparse.Namespace, folder: Path, *, closed: bool = False
) -> list[str]:
    """What of Locust's options the conductor has to know; `folder` outlives its start.

    `closed`: whatever the scenario's load is, Locust's tasks send in its place.
    """
    arguments = [str(options.scenario)]
    changes: list[Change] = [partial(attached, host=options.host)] if options.host else []
    if closed:
        changes.append(partial(driven, users=options.num_users))
    if changes:
        arguments = [str(derived(options.scenario, folder, changes))]
    users = options.num_users
    if users is not None:
        arguments += ["--users", str(users)]
    if users is not None and options.run_time and options.spawn_rate:
        # Locust counts the ramp into its run time, and so do we.
        ramp_s = min(users / float(options.spawn_rate), options.run_time / 2)
        arguments += ["--ramp", f"{ramp_s:.3f}s", "--steady", f"{options.run_time - ramp_s:.3f}s"]
    if closed:
        pass  # their wait times say how much is sent
    elif options.im_rate:
        arguments += ["--rate", str(options.im_rate)]
    elif users is not None:
        arguments += ["--rate", f"{users}/s"]  # not the scenario's, which is for its own users
    if options.im_arrivals:
        arguments += ["--arrivals", str(options.im_arrivals)]
    if options.im_stack:
        arguments += ["--stack", str(options.im_stack)]
    return arguments


def asked(options: argparse.Namespace, argv: Sequence[str]) -> list[str]:
    """The command that has this load again; what a web form said becomes options of it."""
    command = ["locust", *argv]
    if options.headless:
        return command
    said = {
        "--host": options.host,
        "-u": options.num_users,
        "-r": options.spawn_rate,
        "-t": options.run_time and f"{options.run_time}s",
        "--scenario": options.scenario,
        "--im-rate": options.im_rate,
        "--im-arrivals": options.im_arrivals,
        "--im-stack": options.im_stack,
    }
    given = ((option, str(value)) for option, value in said.items() if value)
    return [*command, "--headless", *itertools.chain.from_iterable(given)]
