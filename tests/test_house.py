"""Rules that no linter checks: what helps readers, and what must not be committed."""

import ast
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from . import cpu_budget

ROOT = Path(__file__).parent.parent
FOLDERS = ("gauntlet", "scenarios", "chaos", "reports", "reference_server")
MODULES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FUNCTION_LINES_MAX = 60
OWN_IMPORTS_MAX = 20
PACKAGE_MODULES_MAX = 15
MODULE_LINES_NOTABLE = 600
DOC_COLUMNS_MAX = 120
# A registry contains one module per plug-in. Readers look one up and need not know the others.
REGISTRIES = {
    "benchmarks/bugs",
    "chaos/faults",
    "reports/checks",
    "reports/render/sections",
    "scenarios/adapters",
    "scenarios/workloads",
}
# The sequence of a run and that of a judgement: each calls one function of many modules.
# So do the registries of checks and faults.
SEQUENCES = {
    "gauntlet/runner/run.py",
    "reports/verdict/judge.py",
    "reports/checks/__init__.py",
    "chaos/faults/__init__.py",
}
# Words that have confused readers of this project, with what to write instead.
AVOIDED = {
    r"who(m)?ever": "users who, anyone who",
    r"nobody|somebody": "no user, a user, a process, …",
    r"he|him|his|himself": "they, them, their",
    r"mend(s|ed|ing)?": "fix, repair",
    r"thrift": "efficiency",
    r"turnout": "connect coverage",
    r"comings": "user actions",
    r"lest": "so that … not",
    r"hither|thither|whence|hence(?!forth)": "here, there, from where, therefore",
    r"ere|anew|afresh": "before, again",
    r"nought|naught|in vain": "nothing, without effect",
    r"(there|where)(of|upon|unto)": "of that, on which",
    r"of (its|their) own accord|one's own": "automatically, its, your",
    r"made whole": "complete, repaired",
    r"shall": "must, will",
}
# Not within hyphenated names, such as those of objectives.
_AVOIDED = re.compile(rf"(?<![\w.-])({'|'.join(AVOIDED)})\b(?![->]|\.\w)", re.IGNORECASE)
_QUOTED_WORD = re.compile(r"""(['"`])\w+\1""")
_PROSE = {".py", ".md", ".yaml", ".yml", ".sh", ".toml", ".html", ".js"}


def dotted(file: Path) -> str:
    """Return the name under which a module is imported."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "gauntlet" else ("gauntlet", *parts)
    return ".".join(part for part in parts if part != "__init__")


NAMES = frozenset(dotted(file) for file in MODULES)


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.fixture
def files(tracked_files) -> list[Path]:
    """Every file of the repository, except the released files of others."""
    return [ROOT / name for name in tracked_files if "/vendor/" not in name]


def assert_none(found: Iterable[str]) -> None:
    """Fail with a complete list, which pytest would shorten."""
    offenders = list(found)
    assert not offenders, "\n".join(["", *offenders])


def test_functions_have_at_most_60_lines():
    assert_none(
        f"{named(file)}:{function.lineno} {function.name}"
        for file in MODULES
        for function in functions(file)
        if (function.end_lineno or 0) - function.lineno >= FUNCTION_LINES_MAX
    )


def test_every_module_has_a_docstring():
    """Except gauntlet/__init__.py, which is empty, as importing the package must import nothing."""
    texts = {file: file.read_text() for file in MODULES}
    assert_none(
        named(file)
        for file, text in texts.items()
        if text.strip() and not ast.get_docstring(ast.parse(text))
    )
    assert [named(file) for file, text in texts.items() if not text] == ["gauntlet/__init__.py"]


def test_exceptions_to_a_linter_name_the_rule_and_the_reason():
    bare = re.compile(r"#\s*(noqa(?!: [A-Z]+\d+)|type: ignore(?!\[))")
    unreasoned = re.compile(r"#\s*(noqa: [A-Z0-9, ]+|type: ignore\[[a-z-, ]+\])\s*$")
    assert_none(
        f"{named(file)}:{number}"
        for file in [*MODULES, *TESTS]
        if file != Path(__file__)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if bare.search(line) or unreasoned.search(line)
    )


def test_modules_import_at_most_20_modules_of_the_project():
    """A module that imports more of them does more than one thing."""
    counts = {named(file): len(own_imports(file)) for file in MODULES}
    large = {name: count for name, count in counts.items() if count > OWN_IMPORTS_MAX}
    assert set(large) - SEQUENCES == set(), large


def own_imports(file: Path) -> set[str]:
    """Return the modules of the project that a module imports, or imports names from."""
    imported = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` imports a module, `from module import name` does not.
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            imported |= {name if name in NAMES else node.module for name in names}
    return imported & NAMES


def test_packages_have_at_most_15_modules():
    modules = [file for file in MODULES if file.name != "__init__.py"]
    sizes = Counter(named(file.parent) for file in modules)
    large = {package: size for package, size in sizes.items() if size > PACKAGE_MODULES_MAX}
    assert set(large) - REGISTRIES == set(), large


def test_modules_with_more_than_600_lines_cause_a_warning():
    """Such a module may be right, but it is worth asking whether it should be split."""
    for file in MODULES:
        lines = len(file.read_text().splitlines())
        if lines > MODULE_LINES_NOTABLE:
            with warnings.catch_warnings():
                warnings.simplefilter("always")  # pytest would make it an error
                warnings.warn(f"{named(file)} has {lines} lines", stacklevel=1)


def test_prose_contains_no_avoided_words(files):
    assert_none(
        f"{named(file)}:{number}: {match[0]}"
        for file in files
        if file.suffix in _PROSE or named(file) in (".ci/run", "Makefile")
        if file not in (Path(__file__), ROOT / "CHANGELOG.md")
        for number, line in enumerate(file.read_text(errors="ignore").splitlines(), 1)
        if (match := _AVOIDED.search(_QUOTED_WORD.sub("", line)))
    )


def test_lines_of_the_documentation_have_at_most_120_columns(files):
    """Except those that cannot be wrapped: tables, code, pictures, and lines with a long link."""
    pages = [file for file in files if file.suffix == ".md"]
    assert_none(
        f"{named(page)}:{number}"
        for page in pages
        for number, line in prose_lines(page)
        if len(line) > DOC_COLUMNS_MAX and not _UNWRAPPABLE.search(line)
    )


_UNWRAPPABLE = re.compile(r"^\s*(\||!\[|\[)|\]\(\S{60,}\)|https?://\S{60,}")


def prose_lines(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a page outside code blocks."""
    in_code = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code:
            yield number, line


def test_no_file_contains_the_path_of_a_home_folder(files):
    private = re.compile(r"/(home|Users|root)/\w")
    assert_none(
        f"{named(file)}: {found[0]}"
        for file in files
        if file != Path(__file__) and (found := private.search(file.read_text(errors="ignore")))
    )


IMPORT_CPU_S = 60
IMPORT_ALL = """
import importlib, sys
root, *names = sys.argv[1:]
sys.path.insert(0, root)
for name in names:
    importlib.import_module(name)
print(sorted({name.split(".")[0] for name in sys.modules}))
"""


@pytest.mark.timeout(cpu_budget.HANGS_S)
def test_no_module_is_imported_under_the_name_of_its_folder():
    """With the repository's root on `sys.path`, `import scenarios` would work, a second time."""
    # Locust first: it patches the standard library for gevent, and has to do so before its use.
    names = ["locust", *sorted(NAMES)]
    command = [sys.executable, "-P", "-W", "ignore", "-c", IMPORT_ALL, str(ROOT), *names]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=cpu_budget.limit(IMPORT_CPU_S),
    )
    assert done.returncode == 0, done.stderr
    imported = set(ast.literal_eval(done.stdout))
    assert "gauntlet" in imported
    assert imported & set(FOLDERS) == {"gauntlet"}
