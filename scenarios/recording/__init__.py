"""Writers of the history, the directory of connections and the live figures."""
