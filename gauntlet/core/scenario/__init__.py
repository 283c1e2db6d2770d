"""The scenario file: its model, how it is read, and how it is validated."""
