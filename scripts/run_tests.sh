#!/bin/sh
# Usage: scripts/run_tests.sh BIN PART...   parts: core, widgets, viewer
# One pytest process a part: a widget test needs Qt without a display, a viewer test needs a display. A part whose system
# libraries are missing is left out, saying so; the others run all the same. Fails when a part that ran failed.
set -u
bin=$1
shift
here=$(dirname "$0")
status=0
skipped=

run() {
    part=$1
    shift
    echo "== $part tests"
    start=$(date +%s)
    "$@" || status=1
    echo "== $part tests took $(($(date +%s) - start)) s"
}

skip() {
    echo "== $1 tests left out: $2"
    skipped="$skipped $1"
}

napari_works() { "$bin/python" -c 'import napari.layers' >/dev/null 2>&1; }

export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # small products are slower in several threads, much so on a busy machine

qt_works() { QT_QPA_PLATFORM=offscreen "$bin/python" -c 'from qtpy.QtWidgets import QApplication; QApplication([])' >/dev/null 2>&1; }

case " $* " in
    *" viewer "*) sh "$here/system_packages.sh" window screen ;;
    *) sh "$here/system_packages.sh" window ;;
esac

for part in "$@"; do
    case $part in
        core) # pytest's plugins of Qt and napari load system libraries that a machine may lack
            ignore="--ignore=tests/widgets --ignore=tests/viewer"
            napari_works || { skip "napari layer" "napari does not start"; ignore="$ignore --ignore=tests/plugin"; }
            run core "$bin/python" -m pytest -q -p no:pytest-qt -p no:napari -m "not gl" $ignore ;;
        widgets)
            if qt_works; then run widgets env QT_QPA_PLATFORM=offscreen "$bin/python" -m pytest -q -m "not gl" tests/widgets
            else skip widgets "Qt does not start"; fi ;;
        viewer)
            if ! command -v xvfb-run >/dev/null; then skip viewer "no xvfb-run. Run:  sudo apt-get install -y xvfb xauth"
            elif ! qt_works; then skip viewer "Qt does not start"
            else run viewer sh "$here/with_display.sh" "$bin/python" -m pytest -q -m gl tests/viewer; fi ;;
        *) echo "unknown part of the tests: $part" >&2; exit 2 ;;
    esac
done

[ -n "$skipped" ] && echo "Left out:$skipped (see above)"
[ $status = 0 ] && echo "All tests that ran passed" || echo "Tests failed"
exit $status
