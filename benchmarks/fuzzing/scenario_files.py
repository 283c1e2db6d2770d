"""Scenario files: those of the library, with damaged text, and with other keys and values."""

from random import Random
from typing import Any

import yaml

from benchmarks.fuzzing.mutations import changed, damaged
from benchmarks.fuzzing.target import Target, Wrong
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader
from gauntlet.scenarios import library

_NAME = "fuzzed.yaml"
_LINES = (
    *("<<: *a", "&a", "*a", "!!binary x", "!!python/object:os.system x", "? [a]", "- - -", "---"),
    *("...", "%YAML 9.9", "\t", "a: &b [*b]", "key: |", "users: 1:30", "on: yes", "{{", "'", "\0"),
)


class ScenarioFiles(Target):
    """One file an input. A file that is accepted must be the same after it was written again."""

    cpu_max_s = 1.0  # what an editor's user waits for

    def __init__(self) -> None:
        self._texts = [library.path(name).read_text() for name in library.names()]
        self._values: list[Any] = [yaml.safe_load(text) for text in self._texts]

    def try_input(self, rng: Random) -> None:
        try:
            scenario = loader.parse(self._text(rng), _NAME)
        except ConfigError as error:
            if not str(error).startswith(_NAME):
                raise Wrong(f"an error without the name of its file: {error}") from error
            return
        if loader.parse(loader.to_yaml(scenario), _NAME) != scenario:
            raise Wrong("the scenario is another one after it was written and read again")

    def _text(self, rng: Random) -> str:
        kind = rng.random()
        if kind < 0.5:
            value = changed(rng, rng.choice(self._values))
            return yaml.safe_dump(value, sort_keys=False, allow_unicode=rng.random() < 0.5)
        text = rng.choice(self._texts)
        if kind < 0.75:
            lines = text.splitlines()
            for _ in range(rng.choice((1, 1, 3))):
                at = rng.randrange(len(lines))
                lines[at : at + rng.randrange(2)] = [
                    rng.choice((*_LINES, rng.choice(lines), f"  {rng.choice(lines)}"))
                ]
            return "\n".join(lines)
        others = [each.encode() for each in self._texts]
        return damaged(rng, text.encode(), others).decode(errors="replace")
