"""`python -m gauntlet`: the same as the command `gauntlet`."""

import sys
from importlib.util import find_spec

# The folders scenarios/, chaos/, reports/ and reference_server/ become parts of this package when
# it is installed; in a bare source tree they cannot be found below it. Most commands import them
# late, so they are looked for here.
_PARTS = ("scenarios", "chaos", "reports", "reference_server")

for part in _PARTS:
    if find_spec(f"gauntlet.{part}") is None:
        sys.exit(
            f"gauntlet: gauntlet.{part} cannot be found. This source tree is not installed: run "
            "`make install`, or `pip install -e .`"
        )

from gauntlet.cli.main import main  # noqa: E402 - needs the parts

if __name__ == "__main__":
    sys.exit(main())
