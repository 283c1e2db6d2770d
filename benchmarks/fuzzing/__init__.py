"""`python -m benchmarks.fuzzing`: random inputs for everything that reads what others wrote."""
