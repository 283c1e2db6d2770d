#!/usr/bin/env bash
# Regenerates requirements/*.txt from pyproject.toml. Pins that are still allowed are kept:
#   tools/lock.sh              after a change of dependencies
#   tools/lock.sh --upgrade    upgrade all pins
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet uv

# compile OUTPUT ARGUMENTS...
compile() {
    local output=$1
    shift
    "$scratch/venv/bin/uv" pip compile --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --custom-compile-command tools/lock.sh --quiet \
        --output-file "$output" "$@"
}

# Adds the line from which tools/bootstrap.sh announces the size of the download.
note_size() {
    local count megabytes wheels
    wheels="$scratch/wheels-$(basename "$1" .txt)"
    "$scratch/venv/bin/pip" download --quiet --only-binary :all: --dest "$wheels" -r "$1"
    count=$(find "$wheels" -name '*.whl' | wc -l)
    megabytes=$(du -sm "$wheels" | cut -f 1)
    { echo "# download: about $count packages, $megabytes MB" && cat "$1"; } >"$scratch/lock"
    cp "$scratch/lock" "$1"
}

project=(pyproject.toml --group build --extra charts --extra postgres --extra redis-binary)
compile requirements/run.txt "${project[@]}" "$@"
# The constraint makes sure that the tests use the versions of the run lock.
compile requirements/test.txt "${project[@]}" --extra parquet --extra test --constraint requirements/run.txt "$@"
# The documentation site needs none of the project's dependencies.
compile requirements/docs.txt --group docs "$@"
# Nor does Synapse, which tools/install-services.sh --all installs.
compile requirements/synapse.txt --group synapse "$@"
compile requirements/hadolint.txt --group hadolint "$@"
note_size requirements/run.txt
note_size requirements/test.txt
note_size requirements/docs.txt
note_size requirements/synapse.txt
note_size requirements/hadolint.txt
