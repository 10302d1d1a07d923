"""What is read from, and done to, a demo of the learning page."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from unmix.learn.files import RECORDED

FREE = "#sandbox=true"
"""The address at which nothing is locked."""


def recorded(name: str, folder: Path = RECORDED) -> Any:
    """Return a recorded file."""
    return json.loads((folder / f"{name}.json").read_text())


def shown(page: Page, view: str) -> Locator:
    """Return a demo, brought on screen and ready."""
    page.locator(f"[data-place={view}]").scroll_into_view_if_needed()
    demo = page.locator(f"[data-view={view}]")
    expect(demo.locator("[data-readout]").first).to_be_attached()
    return demo


def readout(demo: Locator, of: str) -> float:
    """Return a number on screen, at full precision."""
    return float(demo.locator(f'[data-readout="{of}"]').first.get_attribute("data-value") or "nan")


def readouts(demo: Locator) -> dict[str, str]:
    """Return all numbers on screen."""
    script = "all => Object.fromEntries(all.map(e => [e.dataset.readout, e.dataset.value]))"
    return demo.locator("[data-readout]").evaluate_all(script)


def slide(demo: Locator, control: str, stop: int, *, run: str | None = None) -> None:
    """Move a slider to a stop, and wait until the run that is named has been computed anew."""
    demo.locator(f'input[data-control="{control}"]').fill(str(stop))
    if run is not None:
        computed = demo.locator(f'[data-how="computed here"][data-run-id="{run}"]')
        expect(computed.first).to_be_attached()


def guess(place: Locator | Page, id: str, option: str) -> Locator:
    """Commit to an option of a question."""
    check = place.locator(f'[data-check="{id}"]')
    check.locator(f'input[value="{option}"]').check()
    check.get_by_role("button", name="commit").click()
    return check
