"""The scenario file: its model, its reader, its validation and its JSON Schema."""
