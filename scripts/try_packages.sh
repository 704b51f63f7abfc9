#!/bin/sh
# Usage: scripts/try_packages.sh DIST [PYTHON]
# Installs the wheel and then the sdist of a folder into empty environments and detects landmarks with each, far from the
# repository: what a package lacks shows here.
set -eu
dist=$(cd "$1" && pwd)
python=${2:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for package in "$dist"/*.whl "$dist"/*.tar.gz; do
    echo "== $(basename "$package")"
    rm -rf "$work/env"
    "$python" -m venv "$work/env"
    "$work/env/bin/python" -m pip install -qq --disable-pip-version-check "$package"
    (cd "$work" && "$work/env/bin/xray-landmarks" models --quiet >/dev/null && "$work/env/bin/xray-landmarks" demo --no-window -o "$work/demo")
    "$work/env/bin/python" -c 'from npe2 import PluginManifest as M; print(len(M.from_distribution("napari-xray-landmarks").contributions.widgets), "docks")'
done
