"""`python -m gauntlet`: the same as the command `gauntlet`."""

import sys

try:
    from gauntlet.cli.main import main
except ModuleNotFoundError as error:
    # The folders scenarios/, chaos/, reports/ and reference_server/ become parts of this package
    # when it is installed; in a bare source tree they cannot be found below it.
    if error.name is None or not error.name.startswith("gauntlet."):
        raise
    sys.exit(
        f"gauntlet: {error.name} cannot be found. This source tree is not installed: run "
        "`make install`, or `pip install -e .`"
    )

if __name__ == "__main__":
    sys.exit(main())
