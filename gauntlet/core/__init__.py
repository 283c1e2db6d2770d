"""The floor under everything: run directory, history, scenario, clocks, ids and errors."""
