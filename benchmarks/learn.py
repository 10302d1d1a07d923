"""How long a reader of the learning page waits: from an input to the number that it changes.

    python benchmarks/learn.py [--json] [--steps 20]

In a headless Chromium, every view's main control is moved step by step, and each step timed in the
page itself: from the input event until the number on screen has changed and a frame is drawn.  The
first look at a run reads its weights over loopback and computes its scores; later ones have them.
The page must be built (`make web`).
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import tyro
import uvicorn
from playwright.sync_api import Page, sync_playwright
from timing import Row, row, show

from tests import browser as chromium
from unmix.explorer.app import make_app
from unmix.explorer.serve import listen
from unmix.learn.routes import Learning, adding
from unmix.learn.witnesses import Witnesses

LIMIT = 100.0
"""Milliseconds that the 95th percentile may take."""
ADDRESS = "#sandbox=1"
"""With nothing locked."""


class Case(NamedTuple):
    """A control and the number it moves."""

    view: str
    control: str
    readout: str
    stops: Sequence[int]
    """Settings that are gone through, to and fro; each moves the number."""


CASES = (
    Case("a", "budget", "nmse", range(12)),
    Case("b", "l0", "gamma", range(4)),
    Case("c1", "budget", "nmse", range(12)),
    Case("c2", "time", "nmse", range(40)),
    Case("d", "d-time", "alike", range(0, 101, 5)),
)

STEP = """
async ([view, control, readout, stop]) => {
  const section = document.querySelector(`[data-view=${view}]`);
  const input = section.querySelector(`input[data-control="${control}"]`);
  const shown = () => section.querySelector(`[data-readout="${readout}"]`)?.dataset.value;
  const before = shown();
  const start = performance.now();
  input.value = Math.min(stop, input.max);
  input.dispatchEvent(new Event("input", { bubbles: true }));
  const frame = () => new Promise(requestAnimationFrame);
  while (shown() === before && performance.now() - start < 2000) await frame();
  await frame();
  return performance.now() - start;
}
"""


class Settings(NamedTuple):
    """What is timed."""

    steps: int = 20
    """Steps of each control."""
    json: bool = False
    """Print a line of JSON for each number."""


def main() -> None:
    """Time every view and print it."""
    settings = tyro.cli(Settings)
    rows: list[Row] = []
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}{ADDRESS}")
        for case in CASES:
            for when, taken in waits(page, case, settings.steps).items():
                name = f"{case.view}: {case.control} to {case.readout}, {when}"
                p95 = float(np.quantile(taken, 0.95))
                rows.append(row(name, taken, "ms"))
                rows.append(row(f"{name}, p95 (at most {LIMIT:g})", [p95], "ms"))
        browser.close()
    show(rows, as_json=settings.json)


def waits(page: Page, case: Case, steps: int) -> dict[str, list[float]]:
    """Move a control to and fro; return the milliseconds of first looks and of later ones."""
    control = page.locator(f'[data-view={case.view}] input[data-control="{case.control}"]')
    page.locator(f"[data-place={case.view}]").scroll_into_view_if_needed()
    control.wait_for()
    readout = page.locator(f'[data-view={case.view}] [data-readout="{case.readout}"]')
    readout.wait_for()
    back = [*case.stops, *reversed(case.stops[1:-1])]
    one = [case.view, case.control, case.readout]
    first = [page.evaluate(STEP, [*one, stop]) for stop in case.stops[1:]]
    then = (back[(len(case.stops) + i) % len(back)] for i in range(steps))
    again = [page.evaluate(STEP, [*one, stop]) for stop in then]
    return {"first look": first, "again": again}


@contextmanager
def served() -> Iterator[str]:
    """Serve the page on loopback."""
    listening = listen("127.0.0.1", None)
    port = listening.getsockname()[1]
    app = make_app(None, port=port, add=adding(Learning(Witnesses())))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/learn/"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


if __name__ == "__main__":
    main()
