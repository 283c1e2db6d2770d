"""Puts the compiled modules into the wheel if GAUNTLET_WHEEL=compiled; otherwise the wheel is pure.

`make compile` must have run with the Python that builds the wheel. All else is in pyproject.toml.
"""

import os
import shutil
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

COMPILED = os.environ.get("GAUNTLET_WHEEL") == "compiled"
FOLDER = Path("gauntlet", "_compiled", EXTENSION_SUFFIXES[0].split(".")[1])


class PlatformDistribution(Distribution):
    """A distribution whose wheel is for one version of Python and one platform."""

    def has_ext_modules(self) -> bool:
        return COMPILED


class BuildWithExtensions(build_py):
    """Copies the packages, and the extension modules of this interpreter."""

    def run(self) -> None:
        super().run()
        if COMPILED and not self.editable_mode:
            if not FOLDER.is_dir():
                sys.exit(f"setup.py: {FOLDER} is missing; run tools/compile.py first")
            # The first row of each list names the folder of the latest compilation.
            for listed in FOLDER.glob("*/sources.txt"):
                modules = listed.parent / listed.read_text().split()[1]
                target = Path(self.build_lib, listed.parent)
                shutil.copytree(modules, target / modules.name, dirs_exist_ok=True)
                shutil.copy(listed, target)


setup(distclass=PlatformDistribution, cmdclass={"build_py": BuildWithExtensions})
