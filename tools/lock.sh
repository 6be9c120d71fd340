#!/bin/sh
# Makes requirements.lock and requirements-dev.lock from pyproject.toml: every platform that
# pyproject names, pinned with hashes, and without a word about where packages were fetched.
# What is pinned stays unless pyproject forbids it; with --upgrade everything moves.
set -eu

compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
}

compile "$@" pyproject.toml --output-file requirements.lock
# Both files must agree on what both hold, so the second starts from the first.
compile --constraints requirements.lock --group dev "$@" pyproject.toml --output-file requirements-dev.lock
for apart in tests/clients bench/peers; do
    compile "$@" $apart/requirements.in --output-file $apart/requirements.lock
done
