"""Wall clocks of single processes, which faults can shift while the processes run.

A small library (`wall_clock.c`) is preloaded into each component on which a fault of the scenario
needs it. docs/decisions/086-wall-clocks-by-a-preloaded-library.md says why.
"""
