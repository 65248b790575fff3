#!/usr/bin/env bash
# Resolves each requirements.in afresh and writes the exact versions beside it.
set -euo pipefail

cd "$(dirname "$0")/.."
python=$(requirements/python3.13.sh)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The layer first: the project's environment is held to the layer's versions.
for list in layers/dependencies/requirements requirements/dev requirements/sam requirements/ministack; do
    "$python" -m venv --clear "$scratch/venv"
    "$scratch/venv/bin/pip" install -qq --disable-pip-version-check --requirement "$list.in"
    {
        echo "# Made by 'make pins' from $(basename "$list").in; do not edit."
        "$scratch/venv/bin/pip" freeze
    } >"$scratch/pins"
    mv "$scratch/pins" "$list.txt"
    echo "$list.txt"
done
