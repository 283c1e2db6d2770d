"""Connects Locust's events to this process's role in a run: local, master or worker."""

import logging
import sys
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from gauntlet.core import os_limits
from gauntlet.core.errors import GauntletError
from gauntlet.scenarios.locust_plugin import options
from gauntlet.scenarios.locust_plugin.im_client import IM, IMError
from gauntlet.scenarios.locust_plugin.roles.local import LocalRole
from gauntlet.scenarios.locust_plugin.roles.master import MasterRole
from gauntlet.scenarios.locust_plugin.roles.role import Role
from gauntlet.scenarios.locust_plugin.roles.worker import WorkerRole
from gauntlet.scenarios.locust_plugin.runtime.keyboard_interrupt import KeyboardInterrupts
from gauntlet.scenarios.metrics.error_log import describe_exception

_WORKERS_CONNECT_S = 10.0
_POLL_S = 0.05

log = logging.getLogger(__name__)

_roles: dict[int, Role] = {}  # by the id of the environment: Locust has one, tests have several


def install(events: Any) -> None:
    """Listen to Locust's events (`locust.events`, whose methods have no types)."""
    events.init_command_line_parser.add_listener(options.add)
    interrupts = KeyboardInterrupts()
    events.init.add_listener(lambda **_: interrupts.install())
    events.init.add_listener(_on_init)
    events.test_start.add_listener(_on_test_start)
    events.test_stopping.add_listener(_on_test_stopping)
    events.user_error.add_listener(_on_user_error)
    events.quitting.add_listener(_on_quitting)
    events.quitting.add_listener(lambda **_: interrupts.acknowledge())


def add_user(environment: Environment) -> bool:
    """Connect one more user; return False if this process has no load.

    Locust may spawn users in a late worker before it has fired `init` there.
    """
    role = _roles.get(id(environment))
    return role is not None and role.add_user()


def add_scripted_user(environment: Environment) -> IM | None:
    """Connect one more user whose tasks send; return None if this process has no load."""
    role = _roles.get(id(environment))
    return None if role is None else role.add_scripted_user()


def _choose_role(environment: Environment) -> Role:
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        return WorkerRole(environment, runner)
    if isinstance(runner, MasterRunner):
        return MasterRole(environment, runner)
    return LocalRole(environment)


def _on_init(environment: Environment, **_: Any) -> None:
    os_limits.raise_descriptors()  # Locust itself requests ten thousand at most
    logging.getLogger("picows").setLevel(logging.WARNING)  # it logs every connection
    try:
        role = _roles[id(environment)] = _choose_role(environment)
        role.prepare()
    except GauntletError as error:
        log.error("%s", error)  # noqa: TRY400 - one sentence for the user, no traceback
        if isinstance(environment.runner, MasterRunner):
            _quit_with_workers(environment, environment.runner)
        sys.exit(environment.process_exit_code or int(error.exit_code))
    # Locust's run time counts from now, and gevent's clock has not advanced during the imports.
    gevent.get_hub().loop.update_now()


def _quit_with_workers(environment: Environment, master: MasterRunner) -> None:
    """End a master together with its workers, which would look for it for a minute otherwise.

    Only connected workers can be told. Those of `--processes` are about to connect: wait for them.
    """
    parsed = environment.parsed_options
    forked = (parsed.processes or 0) if parsed is not None else 0
    with gevent.Timeout(_WORKERS_CONNECT_S, False):
        while len(master.clients.all) < forked:
            gevent.sleep(_POLL_S)
    master.quit()


# The listeners below find no role in a worker that hears from its master before Locust has fired
# `init` there: one that comes late, or whose master ends immediately.


def _on_test_start(environment: Environment, **_: Any) -> None:
    if role := _roles.get(id(environment)):
        role.start()


def _on_test_stopping(environment: Environment, **_: Any) -> None:
    if role := _roles.get(id(environment)):
        role.finish()


def _on_user_error(user_instance: Any, exception: BaseException, **_: Any) -> None:
    """Count an exception of a task, unless it reports what the system did: the judge sees that."""
    # Locust passes a user, or the task set of a user.
    environment = getattr(user_instance, "user", user_instance).environment
    if isinstance(exception, IMError):
        return
    if role := _roles.get(id(environment)):
        role.count_task_error(describe_exception(exception))


def _on_quitting(environment: Environment, **_: Any) -> None:
    if role := _roles.get(id(environment)):
        try:
            role.interrupt()
        finally:
            role.export()  # what `interrupt` has kept
