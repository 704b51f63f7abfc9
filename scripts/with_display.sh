#!/bin/sh
# Usage: scripts/with_display.sh COMMAND...   runs it with a virtual display of its own
if ! command -v xvfb-run >/dev/null; then
    echo "There is no xvfb-run. Run:  sudo apt-get install -y xvfb xauth" >&2
    exit 1
fi
unset QT_QPA_PLATFORM WAYLAND_DISPLAY
exec xvfb-run -a -s "-screen 0 1600x1000x24" "$@"
