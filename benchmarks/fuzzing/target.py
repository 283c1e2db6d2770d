"""What a fuzzer tries: one input after another, each made from its own random numbers."""

from abc import ABC, abstractmethod
from random import Random
from typing import ClassVar


class Wrong(Exception):
    """The program accepted an input, and did not do what it promises."""


class Target(ABC):
    """One reader. An input depends on its random numbers only, so that it can be tried again."""

    cpu_max_s: ClassVar[float] = 2.0  # of one input

    @abstractmethod
    def try_input(self, rng: Random) -> None:
        """Make an input and let the program read it.

        It may be refused in the ways that the program declares; any other exception is a defect.
        """

    def close(self) -> None:  # noqa: B027 - most targets have nothing to close
        """Release what the target has opened."""
