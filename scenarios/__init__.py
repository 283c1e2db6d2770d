"""Load: who talks to whom, when, over what, and the record of everything they did and saw."""
