"""Traces: recorded traffic that a load replays."""
