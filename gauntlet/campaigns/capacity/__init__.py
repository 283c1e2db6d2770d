"""Capacity: the highest load that a system sustains, and what each unit of load costs."""
