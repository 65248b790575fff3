#!/usr/bin/env bash
# Prints the path of a Python 3.13 that runs; a name on PATH is not enough, since a pyenv shim
# can be there and fail.
set -euo pipefail

works() {
    "$1" -c 'import sys, ensurepip, ssl, venv; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

candidates() {
    if [ -n "${PYTHON:-}" ]; then echo "$PYTHON"; fi
    echo python3.13
    if command -v uv >/dev/null 2>&1; then uv python find 3.13 2>/dev/null || true; fi
    local root="${PYENV_ROOT:-$HOME/.pyenv}"
    if command -v pyenv >/dev/null 2>&1; then root=$(pyenv root 2>/dev/null || echo "$root"); fi
    ls -d "$root"/versions/3.13*/bin/python3.13 2>/dev/null | sort -Vr || true
    printf '%s\n' /opt/homebrew/bin/python3.13 /usr/local/bin/python3.13 /usr/bin/python3.13 python3
}

while IFS= read -r candidate; do
    if works "$candidate"; then
        "$candidate" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done < <(candidates)

cat >&2 <<'EOF'
Escalón needs Python 3.13, and none was found that runs (tried $PYTHON, python3.13 on PATH, uv
and pyenv). Install one and try again, for example:
    uv python install 3.13       or       pyenv install 3.13       or       apt install python3.13-venv
or name it:
    make PYTHON=/path/to/python3.13 ...
EOF
exit 1
