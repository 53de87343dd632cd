"""Makes `bench` importable: it is not installed with labtui and lies beside it in the source tree."""

import sys
from pathlib import Path

# Last, so that an installed labtui stays the one that is tested.
sys.path.append(str(Path(__file__).resolve().parents[2]))
