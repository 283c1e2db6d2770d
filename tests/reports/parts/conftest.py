"""Lets the tests generate histories with the benchmarks, which are not installed."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
