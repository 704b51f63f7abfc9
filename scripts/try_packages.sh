#!/bin/sh
# Usage: scripts/try_packages.sh DIST [PYTHON]
# Installs the wheel, with the newest and with the oldest napari, and the sdist of a folder into empty environments, and works
# with each far from the repository: what a package lacks shows here.
set -eu
dist=$(cd "$1" && pwd)
scripts=$(cd "$(dirname "$0")" && pwd)
python=${2:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

try() { # PACKAGE [REQUIREMENT]
    echo "== $(basename "$1") ${2:-newest napari}"
    rm -rf "$work/env" "$work/demo"
    "$python" -m venv "$work/env"
    "$work/env/bin/python" -m pip install -qq --disable-pip-version-check "$1[all]" ${2:+"$2"}
    (cd "$work" && "$work/env/bin/xray-landmarks" models --quiet >/dev/null && "$work/env/bin/xray-landmarks" demo --no-window -o "$work/demo")
    (cd "$work" && "$work/env/bin/python" "$scripts/try_package.py")
}

for wheel in "$dist"/*.whl; do
    try "$wheel"
    try "$wheel" "napari==0.6.0"
done
for sdist in "$dist"/*.tar.gz; do
    try "$sdist"
done
