#!/bin/sh
# Usage: scripts/prepare.sh VENV
# Makes the virtual environment VENV and installs the project there for development, with the pinned versions.
set -eu
venv=$1
here=$(dirname "$0")

suitable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=
    for candidate in ${PYTHON:-} python3.11 python3 python3.12 python3.13; do
        if suitable "$candidate"; then python=$candidate; break; fi
    done
    if [ -z "$python" ]; then
        echo "No Python 3.11 or newer was found. Install it, or name it: make PYTHON=/path/to/python3.11" >&2
        exit 1
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null || sh "$here/system_packages.sh" python || exit 1
    echo "Making $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

echo "Installing the project and its dependencies into $venv (a few minutes the first time)"
PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install -qq --constraint constraints.txt --editable ".[dev]"
