"""The two databases: interfaces, shared SQL, and one file for each engine."""
