#!/bin/sh
# Usage: scripts/system_packages.sh GROUP...   groups: python, window, screen
# Installs the Debian packages of the groups that are missing, where that is possible (root, or sudo without a password);
# otherwise prints the exact line and returns 1. Says nothing when all are there.
set -u

packages() {
    case $1 in
        python) echo python3-venv ;;
        window) echo libfontconfig1 libegl1 libgl1 libdbus-1-3 libglib2.0-0 libxkbcommon-x11-0 libxcb-cursor0 \
                     libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libgomp1 ;; # libgomp1: kernels in two threads
        screen) echo xvfb xauth libgl1-mesa-dri ;;
        *) echo "unknown group of packages: $1" >&2; exit 2 ;;
    esac
}

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    exit 0 # not Debian: what is missing shows when it is used
fi

missing=
for group in "$@"; do
    for package in $(packages "$group"); do
        installed "$package" || installed "${package}t64" || missing="$missing $package"
    done
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ]; then sudo=
elif sudo -n true 2>/dev/null; then sudo="sudo -n"
else
    echo "Missing system packages. Run:  sudo apt-get install -y$missing" >&2
    exit 1
fi

echo "Installing system packages:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
            -o DPkg::Lock::Timeout=120 "$@" >>"$log" 2>&1; }
apt install -y --no-install-recommends $missing || { apt update && apt install -y --no-install-recommends $missing; } || {
    tail -n 3 "$log" >&2
    echo "System packages could not be installed. Run:  sudo apt-get update && sudo apt-get install -y$missing" >&2
    exit 1
}
