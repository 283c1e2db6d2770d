"""Campaigns of faults whose records are committed: kills, deaths of the harness, storms, endurance.

What the server did is judged here by clients that share no code with the load engine, and by a
comparison that shares none with the judge.
"""
