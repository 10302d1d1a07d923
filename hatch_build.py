"""The wheel and the source archive hold the built page; an editable install does not need it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildThePage(BuildHookInterface):
    """Builds the page if it is missing, or says what is needed for that."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, unless it is there or not wanted."""
        root = Path(self.root)
        page = root / "src" / "unmix" / "explorer" / "static" / "index.html"
        if version == "editable" or page.exists() or os.environ.get("UNMIX_SKIP_WEB") == "1":
            return
        tool = root / "tools" / "web.py"
        if not tool.exists() or not (root / "web").exists():
            sys.exit("the page of the explorer is not here, nor are its sources")
        subprocess.run([sys.executable, str(tool)], check=True)
