"""The reference IM server: known good, lean, and ignorant of the harness that tests it."""
