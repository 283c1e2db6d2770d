"""Refuses new connections and leaves the others alone; an extension of Toxiproxy."""

from gauntlet.chaos.proxy.toxics._stage import Stage


class Refuse(Stage):
    """Forwards everything on connections that exist; the proxy itself refuses the new ones."""

    refuses_new = True
