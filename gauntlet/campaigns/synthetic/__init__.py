"""Synthetic histories: correct ones, and mutators that break one promise each."""
