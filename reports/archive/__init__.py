"""The runs of a folder: what they are, and which of them can be removed."""
