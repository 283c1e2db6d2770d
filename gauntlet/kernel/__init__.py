"""The floor under everything: the run directory, the history, the scenario, clocks, ids and errors."""
