"""The command-line options and form fields that Gauntlet adds to Locust's."""

import argparse
import itertools
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

from gauntlet.core.clock import parse_rate_per_s
from gauntlet.core.errors import ConfigError
from gauntlet.core.option_types import port
from gauntlet.core.scenario.model import Scenario, Stack
from gauntlet.scenarios import library
from gauntlet.scenarios.locust_plugin.scenario_defaults import RAMP_MIN_S, is_host_of
from gauntlet.scenarios.locust_plugin.scenario_overrides import (
    Override,
    attach_to_host,
    close_loop,
    write_overridden,
)
from gauntlet.scenarios.schedule.arrivals import SCHEDULES

DEFAULT_SCENARIO = "steady"
_SAME_S = 0.01  # phases that differ by less are the same
LOAD_VARIABLE = "GAUNTLET_LOAD"  # the environment variable in which `gauntlet run` names the load


def add(parser: Any, **_: Any) -> None:
    """Add the options to Locust's parser (a configargparse one)."""
    group = parser.add_argument_group("IM load")
    form_fields = [
        group.add_argument(
            "--scenario",
            default=DEFAULT_SCENARIO,
            help=f"a scenario file, or one of: {', '.join(library.names())}",
        ),
        group.add_argument(
            "--im-rate",
            default="",
            help="sends per second, such as 300/s (default: as in the scenario, or 1/s per user"
            " with another number of users)",
        ),
        group.add_argument(
            "--im-arrivals",
            choices=["", *SCHEDULES],
            default="",
            help="how sends are spread over time (default: as in the scenario)",
        ),
        group.add_argument("--im-stack", default="", help="embedded or full: the server to boot"),
    ]
    for action in form_fields:
        action.include_in_web_ui = True  # Locust sets this only for options outside of a group
    group.add_argument(
        "--im-trace",
        type=int,
        default=0,
        help="write what the first N users of each worker exchange with the server to"
        " logs/trace-<worker>.jsonl in the run directory",
    )
    group.add_argument(
        "--im-folder",
        default="",
        help="for a worker: the folder where it keeps its part of the run until the master has"
        " fetched it at the end (default: a temporary folder)",
    )
    group.add_argument(
        "--im-allow-exec",
        action="store_true",
        help="let the scenario run commands, such as those that print a secret",
    )
    group.add_argument(
        "--im-metrics-port",
        type=port,
        help="serve the live figures for Prometheus on this port, at /metrics; 0 is any free port",
    )
    group.add_argument(
        "--im-metrics-host",
        default="127.0.0.1",
        help="the address that --im-metrics-port listens on (default: 127.0.0.1)",
    )
    group.add_argument(
        "--im-share-secrets",
        action="store_true",
        help="for a master: send secrets and accounts to workers on other hosts, in clear text over"
        " Locust's port, so that hosts need no copy (default: only to workers on this host)",
    )


def all_scripted(user_classes: Collection[type]) -> bool:
    """Whether all users that Locust is going to spawn send by their tasks."""
    return bool(user_classes) and all(
        getattr(user_class, "is_scripted", False) for user_class in user_classes
    )


def run_arguments(options: argparse.Namespace, folder: Path, *, closed: bool = False) -> list[str]:
    """Return the arguments of `gauntlet conduct` that correspond to Locust's options.

    `folder` receives a changed scenario, if one is needed; it must exist until the child has read
    it. With `closed`, Locust's tasks send in place of the scenario's arrivals. ConfigError if a
    value cannot be used: `conduct` would report it under the name of its own option.
    """
    _check(options)
    scenario = library.find(str(options.scenario))
    arguments = [str(options.scenario)]
    overrides: list[Override] = []
    if options.host and not is_host_of(options.host, scenario):
        overrides.append(partial(attach_to_host, host=options.host))
    if closed:
        overrides.append(partial(close_loop, users=options.num_users))
    if overrides:
        arguments = [str(write_overridden(options.scenario, folder, overrides))]
    users = options.num_users
    other_users = users is not None and users != scenario.load.users
    if other_users:
        arguments += ["--users", str(users)]
    arguments += _phases(options, scenario)
    if closed:
        pass  # the wait times of the tasks determine the rate
    elif options.im_rate:
        arguments += ["--rate", str(options.im_rate)]
    elif other_users:
        # The scenario's rate is meant for the scenario's own number of users.
        arguments += ["--rate", f"{users}/s"]
    if options.im_arrivals:
        arguments += ["--arrivals", str(options.im_arrivals)]
    if options.im_allow_exec:
        arguments.append("--allow-exec")
    if options.im_stack:
        arguments += ["--stack", str(options.im_stack)]
    return [*arguments, *_trace_arguments(options), *_metrics_arguments(options)]


def _phases(options: argparse.Namespace, scenario: Scenario) -> list[str]:
    """Return `--ramp` and `--steady` where Locust's options differ from the scenario's phases."""
    if options.num_users is None or not options.spawn_rate:
        return []
    load = scenario.load
    ramp_s = options.num_users / float(options.spawn_rate)
    if options.run_time:
        # Locust counts the ramp as part of its run time.
        ramp_s = min(ramp_s, options.run_time / 2)
        steady_s = options.run_time - ramp_s
        if abs(steady_s - load.steady) < _SAME_S and abs(ramp_s - load.ramp) < _SAME_S:
            return []
        return ["--ramp", f"{ramp_s:.3f}s", "--steady", f"{steady_s:.3f}s"]
    is_planned = abs(ramp_s - max(load.ramp, RAMP_MIN_S)) < _SAME_S
    return [] if is_planned else ["--ramp", f"{ramp_s:.3f}s"]


def _trace_arguments(options: argparse.Namespace) -> list[str]:
    trace = getattr(options, "im_trace", 0)
    return ["--trace", str(trace)] if trace else []


def _metrics_arguments(options: argparse.Namespace) -> list[str]:
    number = getattr(options, "im_metrics_port", None)
    if number is None:
        return []
    return ["--metrics-port", str(number), "--metrics-host", options.im_metrics_host]


def _check(options: argparse.Namespace) -> None:
    """Raise a ConfigError for a wrong value. Fields of a web form have not been parsed before."""
    if getattr(options, "im_trace", 0) < 0:
        raise ConfigError(f"--im-trace must be a number of users; got {options.im_trace}")
    if options.im_rate:
        try:
            parse_rate_per_s(options.im_rate)
        except ValueError as error:
            raise ConfigError(
                f"--im-rate must be a rate such as 300/s or 90/m; got {options.im_rate!r}"
            ) from error
    choices = {
        "--im-arrivals": (options.im_arrivals, tuple(SCHEDULES)),
        "--im-stack": (options.im_stack, get_args(Stack)),
    }
    for option, (value, allowed) in choices.items():
        if value and value not in allowed:
            raise ConfigError(f"{option} must be one of: {', '.join(allowed)}; got {value!r}")


def repeat_command(options: argparse.Namespace, argv: Sequence[str]) -> list[str]:
    """Return the headless command that repeats this load; fields of a web form become options."""
    command = ["locust", *argv]
    if options.headless:
        return command
    form = {
        "--host": options.host,
        "-u": options.num_users,
        "-r": options.spawn_rate,
        "-t": options.run_time and f"{options.run_time}s",
        "--scenario": options.scenario,
        "--im-rate": options.im_rate,
        "--im-arrivals": options.im_arrivals,
        "--im-stack": options.im_stack,
    }
    filled = ((option, str(value)) for option, value in form.items() if value)
    return [*command, "--headless", *itertools.chain.from_iterable(filled)]
