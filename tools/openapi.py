"""Write `web/openapi.json`, from which the page's types are made, from the server's addresses.

.venv/bin/python tools/openapi.py
"""

import json
import sys
from pathlib import Path

from unmix.explorer.app import schema

FILE = Path(__file__).resolve().parent.parent / "web" / "openapi.json"


def render() -> str:
    """Return the description of every address."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    after = render()
    FILE.write_text(after, encoding="utf-8")
    sys.stderr.write(
        "web/openapi.json: " + ("as it was\n" if after == before else "written anew\n")
    )
