"""The floors of the house: imports only point down, the faces alone know napari, nothing is unpickled."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "napari_xray_landmarks"
SOURCE = Path(__file__).parents[1] / "src" / PACKAGE
MODULES = sorted(p for p in SOURCE.rglob("*.py") if "__pycache__" not in p.parts)
MAX_LINES = 350

# from the ground up; a room may import from rooms below it and from itself
FLOORS = [
    {"errors", "options"},
    {"imaging", "landmarks", "mesh"},
    {"geometry"},
    {"io"},
    {"drr"},
    {"phantoms"},
    {"shape", "learning", "registration"},
    {"joint_displacement", "deep_morphing", "view_invariant", "spine", "deep_shape"},
    {"models"},
    {"training"},
    {"evaluation"},
    {"plugin", "cli"},
    {"__main__"},
]
FLOOR_OF = {room: i for i, floor in enumerate(FLOORS) for room in floor}
FACES = {"plugin", "cli"}
VIEWER_LIBRARIES = {"napari", "qtpy", "magicgui", "superqt", "PyQt5", "PyQt6", "PySide6", "vispy", "app_model"}
UNPICKLING = {("pickle", "load"), ("pickle", "loads"), ("torch", "load"), ("joblib", "load")}


def room_of(module: Path) -> str:
    relative = module.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def imports(module: Path, tree: ast.Module):
    """(absolute dotted name, line) of everything that a module imports, wherever in it."""
    package = (PACKAGE, *module.relative_to(SOURCE).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) + "." if node.level else ""
            for alias in node.names:
                yield f"{base}{node.module + '.' if node.module else ''}{alias.name}", node.lineno


def parsed():
    return [(module, ast.parse(module.read_text(encoding="utf-8"))) for module in MODULES]


def imports_upwards(module: Path, tree: ast.Module) -> list[str]:
    room, wrong = room_of(module), []
    for name, line in imports(module, tree):
        parts = name.split(".")
        if parts[0] != PACKAGE or len(parts) < 2 or parts[1] not in FLOOR_OF:
            continue
        target = parts[1]
        if target != room and room != "__init__" and FLOOR_OF[target] >= FLOOR_OF[room] and room not in FACES:
            wrong.append(f"{module.relative_to(SOURCE)}:{line} imports {name}, which is not below {room}")
    return wrong


def test_every_room_has_its_floor():
    rooms = {room_of(m) for m in MODULES} - {"__init__"}
    assert rooms <= set(FLOOR_OF), f"not on any floor: {sorted(rooms - set(FLOOR_OF))}"


def test_imports_only_point_down():
    wrong = [line for module, tree in parsed() for line in imports_upwards(module, tree)]
    assert not wrong, "\n".join(wrong)


def test_the_check_finds_an_upward_import():
    tree = ast.parse("def f():\n    from ..models import load_model\n    from .. import plugin\n")
    assert len(imports_upwards(SOURCE / "io" / "dicom.py", tree)) == 2


def test_plugin_does_not_import_the_command_line():
    wrong = [
        f"{module.relative_to(SOURCE)}:{line}"
        for module, tree in parsed()
        for name, line in imports(module, tree)
        if room_of(module) == "plugin" and name.startswith(f"{PACKAGE}.cli")
    ]
    assert not wrong, wrong


def test_only_the_plugin_knows_the_viewer():
    wrong = []
    for module, tree in parsed():
        relative = module.relative_to(SOURCE)
        if room_of(module) == "plugin" and relative.name != "convert.py":
            continue
        wrong += [
            f"{relative}:{line} imports {name}"
            for name, line in imports(module, tree)
            if name.split(".")[0] in VIEWER_LIBRARIES
        ]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_ever_unpickled():
    wrong = []
    for module, tree in parsed():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and unpickles(node):
                wrong.append(f"{module.relative_to(SOURCE)}:{node.lineno}")
        wrong += [
            f"{module.relative_to(SOURCE)}:{line} imports {name}"
            for name, line in imports(module, tree)
            if name.split(".")[0] in {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve"}
        ]
    assert not wrong, "\n".join(wrong)


def unpickles(call: ast.Call) -> bool:
    function = call.func
    named = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    allows = any(
        k.arg == "allow_pickle" and not (isinstance(k.value, ast.Constant) and k.value.value is False)
        for k in call.keywords
    )
    return allows or (named and (function.value.id, function.attr) in UNPICKLING)


@pytest.mark.parametrize("call", ["torch.load(p)", "np.load(p, allow_pickle=True)", "pickle.loads(b)"])
def test_the_check_finds_unpickling(call):
    assert unpickles(ast.parse(call).body[0].value)


def test_files_stay_short():
    lengths = {str(m.relative_to(SOURCE)): len(m.read_text(encoding="utf-8").splitlines()) for m in MODULES}
    long = {name: n for name, n in lengths.items() if n > MAX_LINES}
    assert not long, f"longer than {MAX_LINES} lines: {long}"


def run_python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_costs_nothing():
    code = f"""
import sys, time
start = time.process_time()
import {PACKAGE}
print((time.process_time() - start) * 1e3, *{{"torch", "qtpy", "PyQt6", "napari", "numpy"}} & set(sys.modules))
"""
    runs = [run_python(code).split() for _ in range(3)]
    assert not runs[0][1:], f"import loads {runs[0][1:]}"
    assert min(float(run[0]) for run in runs) < 50


def test_the_command_line_starts_without_heavy_imports():
    code = f"""
import sys
import {PACKAGE}.cli
print(*{{"torch", "napari", "qtpy", "numpy", "SimpleITK", "numba", "sklearn", "matplotlib"}} & set(sys.modules))
"""
    assert run_python(code) == ""


def test_opening_a_png_imports_nothing_heavy(tmp_path):
    if subprocess.run([sys.executable, "-c", "import napari.layers"], capture_output=True).returncode:
        pytest.skip("napari does not start here: system libraries are missing")
    code = f"""
import sys, numpy as np, imageio.v3 as iio
from npe2 import PluginManager
iio.imwrite({str(tmp_path / "film.png")!r}, np.arange(64 * 64, dtype=np.uint8).reshape(64, 64))
PluginManager.instance().discover()
assert "napari-xray-landmarks" in PluginManager.instance(), "the plugin is not installed"
from napari.components import ViewerModel
layers = ViewerModel().open({str(tmp_path / "film.png")!r})
assert layers[0].data.shape == (64, 64)
print(*{{"torch", "monai", "SimpleITK", "sklearn", "pydicom", "trimesh"}} & set(sys.modules))
"""
    assert run_python(code, QT_QPA_PLATFORM="offscreen") == ""
