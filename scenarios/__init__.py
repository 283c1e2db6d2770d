"""Load: who talks to whom, when, over what, and the record of everything they did and saw."""

from gauntlet.builds import ENGINE

ENGINE.current()  # before any module that may be compiled is imported
