"""Changes nothing; the template of a new toxic."""

from gauntlet.chaos.proxy.toxics._stage import Stage


class Noop(Stage):
    """Forwards everything."""
