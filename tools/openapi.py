"""Write `web/openapi.json`, from which the page's types are made, from the server's addresses.

.venv/bin/python tools/openapi.py
"""

import json
import sys
from pathlib import Path

from unmix.explorer.app import schema
from unmix.learn.routes import files, router

FILE = Path(__file__).resolve().parent.parent / "web" / "openapi.json"


def render() -> str:
    """Return the description of every address, and of the files of the learning page."""
    return json.dumps(schema(router, files), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    after = render()
    FILE.write_text(after, encoding="utf-8")
    sys.stderr.write(
        "web/openapi.json: " + ("as it was\n" if after == before else "written anew\n")
    )
