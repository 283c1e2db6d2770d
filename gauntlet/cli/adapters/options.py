"""The options of `gauntlet adapter`."""

import argparse
from pathlib import Path

from gauntlet.core.option_types import duration
from gauntlet.core.scenario.capabilities import OUT_OF_TREE
from gauntlet.core.scenario.catalog import ADAPTER_STACKS


def adapter_options(parser: argparse.ArgumentParser) -> None:
    """What to do for an author of an adapter."""
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", required=True, help="what to do"
    )
    about = "try every capability of an adapter on a live server"
    action = actions.add_parser("check", help=about, description=about)
    action.set_defaults(action="check")
    _check_options(action)
    about = "write the files of a new adapter"
    action = actions.add_parser("new", help=about, description=about)
    action.set_defaults(action="new")
    _new_options(action)


def _new_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the name of the adapter's module, such as acme_chat")
    parser.add_argument(
        "--frames",
        choices=("text", "binary"),
        default="text",
        help="the type of frames (default: text)",
    )
    parser.add_argument("--http", action="store_true", help="messages and history go over HTTP")
    parser.add_argument("--numbered", action="store_true", help="the server numbers entries")
    parser.add_argument("--history", action="store_true", help="the server keeps a history")
    parser.add_argument(
        "--unacknowledged",
        dest="acknowledged",
        action="store_false",
        help="the protocol has no acknowledgement of a message",
    )
    parser.add_argument(
        "--out", type=Path, default=Path(), help="the folder for the files (default: .)"
    )


def _check_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "adapter", help=f"one of: {', '.join(ADAPTER_STACKS)}, or your own as {OUT_OF_TREE}"
    )
    parser.add_argument(
        "--url", action="append", required=True, help="an address of the server; may be repeated"
    )
    parser.add_argument(
        "--accounts",
        type=Path,
        help="who logs in: a CSV file with a heading, or a .jsonl file, with the columns name, "
        "password, token and others (default: generated names)",
    )
    for name in ("password", "token"):
        parser.add_argument(
            f"--{name}",
            metavar="REFERENCE",
            help=f"the {name} of all accounts that have none of their own: {{env: VARIABLE}}, "
            "{file: FILE} or {command: [PROGRAM, …]}",
        )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the adapter, as in target.server; a secret may be a reference; may be "
        "repeated",
    )
    parser.add_argument(
        "--allow-exec", action="store_true", help="run the commands that print secrets"
    )
    parser.add_argument(
        "--users", type=_users_of_check, default=2, help="how many users take part (default: 2)"
    )
    parser.add_argument("--transport", help="which of the adapter's transports to use")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host that is not on loopback and may be connected to; may be repeated",
    )
    parser.add_argument("--ca", help="PEM file with the certificates to trust")
    parser.add_argument(
        "--insecure", action="store_true", help="accept any certificate of the server"
    )
    parser.add_argument(
        "--timeout",
        type=duration,
        default=90.0,
        help="time after which what was not tried yet is unknown (default: 90s)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _users_of_check(text: str) -> int:
    least, most = 2, 20
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be between {least} and {most}; got {text!r}")
    return int(text)
