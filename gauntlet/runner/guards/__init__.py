"""Guards: conditions that are watched while the load runs, and end it when one of them holds."""
