"""Load: who talks to whom, when, over what, and the record of everything they did and saw."""

from gauntlet.core import engine_build

engine_build.current()  # before any module that may be compiled is imported
