"""Runs one scenario from start to finish: boots the stack, starts load and faults, then judges."""
