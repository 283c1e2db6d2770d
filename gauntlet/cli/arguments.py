"""The parser of the command line: only the chosen command is imported, and only its options built.

Commands and options are named by references, `module:function`, so that `gauntlet --help` imports
none of their modules. Each function that adds options stands beside its command.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from gauntlet.core.errors import ConfigError

DISTRIBUTION = "im-gauntlet"

DESCRIPTION = """\
Put an instant-messaging system under load, inject faults, and prove whether messages
were lost, undelivered, reordered, duplicated, misdelivered or late.

start here:
  gauntlet run tour            load and eight faults on one timeline, on the bundled server
  gauntlet list                list the scenarios of the library
  gauntlet report DIR          render the report of a run again
  gauntlet serve               run the reference server alone, until Ctrl-C
  gauntlet doctor              show what can run on this machine, and how to install the rest
"""

EXIT_CODES = """\
exit codes: 0 pass · 1 a required check or objective failed · 2 interrupted · 3 harness error
            4 bad configuration or usage · 5 inconclusive · 6 a fault could not be healed
"""

SHELLS = ("bash", "zsh", "tcsh", "fish", "powershell")


class Command(NamedTuple):
    """One subcommand: what `--help` says of it, what it calls, and which options it has.

    `call` and `options` are references. A `hidden` command is not listed by `--help`: other
    programs call it, not people.
    """

    name: str
    about: str
    call: str
    options: tuple[str, ...] = ()
    hidden: bool = False

    def run(self, options: argparse.Namespace) -> int:
        """Import the command, and call it."""
        call: Callable[[argparse.Namespace], int] = resolve(self.call)
        return call(options)


def resolve(reference: str) -> Any:
    """Import what a reference, `module:function`, names."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


def build_parser(commands: Sequence[Command]) -> argparse.ArgumentParser:
    """The parser of the whole command line; `options.call` runs the chosen command."""
    parser = _Parser(
        prog="gauntlet",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        default=argparse.SUPPRESS,
        help="print the version, and exit",
    )
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=SHELLS,
        help="print a completion script for this shell, and exit",
    )
    subparsers = parser.add_subparsers(title="all commands", metavar="COMMAND", required=True)
    for command in commands:
        # Without `help`, argparse does not list a subcommand.
        listed: dict[str, Any] = {} if command.hidden else {"help": command.about}
        subparser = subparsers.add_parser(command.name, description=command.about, **listed)
        subparser.references = command.options
        subparser.set_defaults(call=command.run)
    return parser


def build_complete_parser(commands: Sequence[Command]) -> argparse.ArgumentParser:
    """The same parser with the options of every command, for completion scripts and tests."""
    parser = build_parser(commands)
    _complete(parser)
    return parser


def _complete(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to the subparsers
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - see above
            for subparser in action.choices.values():
                subparser.complete()


class _Parser(argparse.ArgumentParser):
    """Reports bad usage as a ConfigError: argparse would exit with 2, which means interrupted here.

    Abbreviated options are refused: `--stead` would change its meaning when an option is added.
    The parser of a command has `references` to what adds its options, which is imported when
    arguments of that command are parsed.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)
        # No option begins with a digit. argparse takes `-5` for a value, but not `-5%/month`.
        self._negative_number_matcher = re.compile(r"-\.?[0-9]")
        self.references: tuple[str, ...] = ()

    def complete(self) -> None:
        """Add the options that were not added yet."""
        references, self.references = self.references, ()
        for reference in references:
            resolve(reference)(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.complete()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        # argparse writes `argument --rate: must be …`.
        sentence = message.removeprefix("argument ").replace(": must be", " must be", 1)
        raise ConfigError(f"{sentence}\nsee `{self.prog} --help`")


class _Version(argparse.Action):
    """Prints the version, for which the metadata of the distribution must be read."""

    def __call__(
        self, parser: argparse.ArgumentParser, _options: Any, _values: Any, _option: Any = None
    ) -> NoReturn:
        from importlib import metadata

        print(f"gauntlet {metadata.version(DISTRIBUTION)}")
        parser.exit()


class _PrintCompletion(argparse.Action):
    """Prints a completion script, which has the options of every command."""

    def __call__(
        self, parser: argparse.ArgumentParser, _options: Any, shell: Any, _option: Any = None
    ) -> NoReturn:
        import shtab

        _complete(parser)
        print(shtab.complete(parser, shell))
        parser.exit()
