import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def benchmarks():
    """The folder of the scripts, importable; skips where the tests were installed without it."""
    if not BENCHMARKS.is_dir():
        pytest.skip("benchmarks/ is not here")
    sys.path.insert(0, str(BENCHMARKS))
    yield BENCHMARKS
    sys.path.remove(str(BENCHMARKS))
