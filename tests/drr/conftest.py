"""Puts `line_integrals`, the closed forms that these tests share, where they can import it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
