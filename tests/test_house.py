"""Rules that no linter checks: what helps a reader, and what must not be committed."""

import ast
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("gauntlet", "scenarios", "chaos", "reports", "reference_server")
MODULES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FUNCTION_LINES_MAX = 60
OWN_IMPORTS_MAX = 20
PACKAGE_MODULES_MAX = 15
MODULE_LINES_NOTABLE = 600
DOC_COLUMNS_MAX = 120
# Packages that are a list of plug-ins: a reader looks one up, and does not need to know them all.
REGISTRIES = {"chaos/faults", "reports/checks", "chaos/proxy/toxics"}
# Words of the private English that this project once used, with what to write instead.
AVOIDED = {
    r"who(m)?ever": "users who, anyone who",
    r"mend(s|ed|ing)?": "fix, repair",
    r"thrift": "efficiency",
    r"turnout": "connect coverage",
    r"comings": "user actions",
    r"lest": "so that … not",
    r"hither|thither|whence|hence(?!forth)": "here, there, from where, therefore",
    r"nought|naught": "nothing",
    r"(there|where)(of|upon|unto)": "of that, on which",
    r"shall": "must, will",
}
_PROSE = {".py", ".md", ".yaml", ".yml", ".sh", ".toml", ".html", ".js"}


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.fixture
def files(tracked_files) -> list[Path]:
    return [ROOT / name for name in tracked_files]


def test_functions_fit_on_a_screen():
    assert [
        f"{named(file)}:{function.lineno} {function.name}"
        for file in MODULES
        for function in functions(file)
        if (function.end_lineno or 0) - function.lineno >= FUNCTION_LINES_MAX
    ] == []


def test_every_module_says_what_it_is():
    """gauntlet/__init__.py is empty by design: importing the package imports nothing."""
    texts = {file: file.read_text() for file in MODULES}
    assert [
        named(file)
        for file, text in texts.items()
        if text.strip() and not ast.get_docstring(ast.parse(text))
    ] == []


def test_exceptions_to_a_linter_name_the_rule_and_the_reason():
    bare = re.compile(r"#\s*(noqa(?!: [A-Z]+\d+)|type: ignore(?!\[))")
    unreasoned = re.compile(r"#\s*(noqa: [A-Z0-9, ]+|type: ignore\[[a-z-, ]+\])\s*$")
    assert [
        f"{named(file)}:{number}"
        for file in [*MODULES, *TESTS]
        if file != Path(__file__)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if bare.search(line) or unreasoned.search(line)
    ] == []


def test_modules_import_few_of_our_own_modules():
    """A module that needs more of them does more than one thing."""
    counts = {file: len(own_imports(file)) for file in MODULES}
    assert {named(file): count for file, count in counts.items() if count > OWN_IMPORTS_MAX} == {}


def own_imports(file: Path) -> set[str]:
    """The modules (or packages) of ours from which a module imports."""
    tree = ast.parse(file.read_text())
    return {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gauntlet")
    }


def test_packages_are_small_enough_to_know_their_modules():
    sizes: dict[str, int] = {}
    for file in MODULES:
        if file.name != "__init__.py":
            package = named(file.parent)
            sizes[package] = sizes.get(package, 0) + 1
    large = {package for package, size in sizes.items() if size > PACKAGE_MODULES_MAX}
    assert large - REGISTRIES == set()


def test_long_modules_are_pointed_out():
    """No limit, because some ideas are long; but such a module may hold more than one."""
    for file in MODULES:
        lines = len(file.read_text().splitlines())
        if lines > MODULE_LINES_NOTABLE:
            with warnings.catch_warnings():
                warnings.simplefilter("default")
                warnings.warn(f"{named(file)} has {lines} lines", stacklevel=1)


def test_prose_uses_plain_words(files):
    """These words have made readers stop. The values say what to write instead."""
    pattern = re.compile(rf"\b({'|'.join(AVOIDED)})\b", re.IGNORECASE)
    assert [
        f"{named(file)}:{number}: {match[0]}"
        for file in files
        if file.suffix in _PROSE and file != Path(__file__)
        for number, line in enumerate(file.read_text(errors="ignore").splitlines(), 1)
        if (match := pattern.search(line))
    ] == []


def test_lines_of_the_documentation_fit_on_a_screen(files):
    """Tables, code and links cannot be wrapped."""
    long = []
    for page in [file for file in files if file.suffix == ".md"]:
        in_code = False
        for number, line in enumerate(page.read_text().splitlines(), 1):
            in_code ^= line.startswith("```")
            if (
                in_code
                or len(line) <= DOC_COLUMNS_MAX
                or line.lstrip().startswith(("|", "!", "[", "```"))
            ):
                continue
            if not re.search(r"\]\(\S{60,}\)|https?://\S{60,}", line):
                long.append(f"{named(page)}:{number}")
    assert long == []


def test_no_path_of_a_machine_is_committed(files):
    private = re.compile(r"/(home|Users|root)/\w")
    assert [
        f"{named(file)}: {found[0]}"
        for file in files
        if file != Path(__file__) and (found := private.search(file.read_text(errors="ignore")))
    ] == []


IMPORTS_EVERYTHING = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import gauntlet
for module in pkgutil.walk_packages(gauntlet.__path__, "gauntlet."):
    pass
for name in sys.argv[2:]:
    importlib.import_module(name)
print([name for name in sys.modules if name.split(".")[0] in
       ("scenarios", "chaos", "reports", "reference_server")])
"""


def test_no_module_is_imported_a_second_time_under_its_folder_name():
    """With the repository root on `sys.path`, `import scenarios` would find our own folder."""
    names = [dotted(file) for file in MODULES if imports_nothing_foreign(file)]
    command = [sys.executable, "-P", "-c", IMPORTS_EVERYTHING, str(ROOT), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def dotted(file: Path) -> str:
    """The name under which a module is imported."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "gauntlet" else ("gauntlet", *parts)
    return ".".join(part for part in parts if part != "__init__")


def imports_nothing_foreign(file: Path) -> bool:
    """Whether a module can be imported without side effects: not an entry point, no Locust."""
    return file.name != "__main__.py" and "locust" not in named(file)
