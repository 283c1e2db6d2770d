"""Changes nothing; the template of a new toxic."""

from chaos.proxy.toxics.stage import Stage


class Noop(Stage):
    """Passes everything on."""
