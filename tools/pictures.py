"""Draw the README's pictures of the explorer, from an index.

.venv/bin/python -m tools.pictures [RUN]
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import browser
from tests.web.opened import Opened
from tests.web.serving import served
from unmix.explorer.answers.search import by_words
from unmix.explorer.view import View
from unmix.index.read import open_index

ROOT = Path(__file__).resolve().parent.parent
WORD = "February"
"""What the latent that is shown fires on."""


def main(run: Path) -> None:
    """Draw the overview and one latent."""
    view = View(open_index(run))
    latent = by_words(view, WORD, kind="label", limit=1).hits[0].latent
    with sync_playwright() as playwright, served(view) as address:
        chromium = playwright.chromium.launch(executable_path=browser.find(), args=browser.FLAGS)
        opened = Opened(chromium, address)
        for name, place in (("latent", f"#/latent/{latent}"), ("overview", "#/overview")):
            path = ROOT / "docs" / f"{name}.png"
            opened.go(place).screenshot(path=path)
            sys.stderr.write(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} kB\n")
        chromium.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo"))
