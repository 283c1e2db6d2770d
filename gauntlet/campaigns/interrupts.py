"""What a campaign says when a signal ends it: what is recorded, and how to go on."""

import contextlib
from collections.abc import Callable, Iterator

from gauntlet.core.errors import Interrupted
from gauntlet.runner import signals


@contextlib.contextmanager
def explained(progress: Callable[[], str]) -> Iterator[None]:
    """Within, the first signal ends the campaign, with an error that includes its progress.

    Also between two runs, while no run handles signals itself.
    """
    with signals.handled():
        try:
            yield
        except Interrupted as error:
            raise Interrupted(f"{error}: {progress()}") from error
