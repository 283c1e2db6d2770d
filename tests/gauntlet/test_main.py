"""`python -m gauntlet` in a source tree."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_source_tree_that_is_not_installed_says_how_to_install_it():
    """Without `site`, Python does not know of installed packages."""
    command = [sys.executable, "-S", "-m", "gauntlet", "list"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "This source tree is not installed: run `make install`" in found.stderr
    assert "Traceback" not in found.stderr
