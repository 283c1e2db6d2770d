"""Judges a large history in parts of whole conversations, in bounded memory and on all cores."""
