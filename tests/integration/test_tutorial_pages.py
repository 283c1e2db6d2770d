"""How tutorials are read by their tests."""

import subprocess

import pytest

from .tutorial_pages import Command, File, blocks, follow, shows

PAGE = """\
```yaml
# one.yaml
version: 1
```

```bash
not to be run
```

```console
$ gauntlet run \\
    one.yaml
PASS  exit 0
$ gauntlet run two.yaml
FAIL …
$ echo $?
1
```
"""


def test_a_reader_writes_files_and_runs_commands_in_the_order_of_the_page():
    assert list(blocks(PAGE)) == [
        File("one.yaml", "# one.yaml\nversion: 1\n"),
        Command("gauntlet run \\\n    one.yaml", "PASS  exit 0\n"),
        Command("gauntlet run two.yaml", "FAIL …\n", 1),
    ]


def test_a_file_without_a_name_is_no_tutorial():
    with pytest.raises(AssertionError, match="name of its file"):
        list(blocks("```yaml\nversion: 1\n```\n"))


def test_an_output_that_differs_from_the_page_is_noticed():
    shown = " undelivered  ✔ valid  200\n…\nPASS  exit 0\n"
    real = "undelivered ✔ valid 200 \n x\nPASS exit 0\n"
    assert shows(real, shown)
    assert not shows(real.replace("valid 200", "valid 199"), shown)
    assert not shows(real.replace("PASS exit 0", "FAIL exit 1"), shown)


@pytest.mark.parametrize(
    ("output", "code", "fails"),
    [("PASS exit 0", 0, False), ("PASS exit 0", 5, True), ("FAIL exit 0", 0, True)],
)
def test_another_output_or_exit_code_fails(tmp_path, output, code, fails):
    page = "```console\n$ gauntlet run one.yaml\nPASS  exit 0\n```\n"

    def shell(command):
        return subprocess.CompletedProcess(command, code, output, "")

    if fails:
        with pytest.raises(AssertionError, match="gauntlet run"):
            follow(page, tmp_path, shell)
    else:
        follow(page, tmp_path, shell)
