#!/usr/bin/env bash
# Makes one of the project's environments what its requirements file says:
#     environment.sh FOLDER REQUIREMENTS [PROJECT]
# With PROJECT (the folder of a pyproject.toml) that project is installed editable too.
# Repeating is free, an interrupted run is repaired by the next one, two at once wait in line.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$1 requirements=$2 project=${3:-}

fingerprint() {
    { cat "$requirements" "$0"; if [ -n "$project" ]; then cat "$project/pyproject.toml"; fi; pwd; } |
        { sha256sum 2>/dev/null || shasum -a 256; } | cut -d' ' -f1
}

export LC_ALL=C.UTF-8

mkdir -p .local
if command -v flock >/dev/null 2>&1; then
    exec 9>".local/$(basename "$folder").lock"
    flock 9
fi

stamp="$folder/.made-from"
wanted=$(fingerprint)
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
rm -f "$stamp"

pip() {
    "$folder/bin/python" -m pip --disable-pip-version-check -qq "$@"
}

# What is there and not in the list would make tests pass here that fail in a fresh clone.
remove_strangers() {
    local strangers
    strangers=$(comm -23 \
        <(pip freeze --exclude-editable | sort) \
        <(grep -v '^#' "$requirements" | sort))
    if [ -n "$strangers" ]; then
        echo "$strangers" | cut -d= -f1 | xargs "$folder/bin/python" -m pip -qq uninstall --yes
    fi
}

fill() {
    pip install --requirement "$requirements" --no-deps &&
        remove_strangers &&
        if [ -n "$project" ]; then
            pip install --no-deps --no-build-isolation --editable "$project"
        fi &&
        pip check
}

usable() {
    "$folder/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null &&
        "$folder/bin/python" -m pip --version >/dev/null 2>&1
}

echo "Setting up $folder from $requirements …" >&2
if ! { usable && fill; }; then
    python=$("$here/python3.13.sh")
    "$python" -m venv --clear "$folder"
    fill || {
        echo "Could not set up $folder: see pip's message above (is the package index reachable?)," \
            "then run the same command again." >&2
        exit 1
    }
fi
echo "$wanted" >"$stamp"
