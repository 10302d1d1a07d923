"""A page as a reader has it open, and what is asked of every view."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, final

from playwright.sync_api import Browser, ConsoleMessage, Page, Request

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
DRAWN = "new Promise(done => requestAnimationFrame(() => setTimeout(done, 20)))"
"""Goes by when the page has drawn what it knows."""
WAITING = "main [aria-busy=true], main [role=status].waiting"

Scheme = Literal["light", "dark"]


@final
class Opened:
    """A page, what it asks for, and what it complains of.  Nothing is loaded at first."""

    def __init__(
        self, browser: Browser, address: str, *, scheme: Scheme = "light", width: int = 1280
    ) -> None:
        self.address = address
        self.complaints: list[str] = []
        """Errors of the page, and refusals of the browser."""
        self.hosts: set[str] = set()
        """Where it asked for anything."""
        self._waiting = 0
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
        )
        context.set_default_timeout(15_000)
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)
        self.page.on("requestfinished", self._answered)
        self.page.on("requestfailed", self._answered)

    def go(self, hash: str) -> Page:
        """Go to a view, and wait until it has all it asked for."""
        self.page.goto(f"{self.address}{hash}")
        return self.settled()

    def settled(self) -> Page:
        """Wait until nothing is awaited any more."""
        quiet = 0
        while quiet < 3:
            self.page.evaluate(DRAWN)
            is_waiting = self._waiting > 0 or self.page.locator(WAITING).count() > 0
            quiet = 0 if is_waiting else quiet + 1
        return self.page

    def faults(self) -> list[str]:
        """Return what axe finds serious or critical, as the page stands."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}"
            for one in found["violations"]
            if one["impact"] in GRAVE
        ]

    def overhang(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        root = "document.documentElement"
        return self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")

    def _heard(self, message: ConsoleMessage) -> None:
        """Note an error; that an answer was a refusal is not one."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        self._waiting += 1
        self.hosts.add(request.url.split("/")[2])

    def _answered(self, _: Request) -> None:
        self._waiting -= 1


def opening(browser: Browser, address: str) -> Iterator[Callable[..., Opened]]:
    """Give what opens pages; in the end none may have complained, nor asked another host."""
    pages: list[Opened] = []

    def open_one(**how: Any) -> Opened:
        pages.append(Opened(browser, address, **how))
        return pages[-1]

    yield open_one
    for one in pages:
        one.page.context.close()
    assert [one.complaints for one in pages if one.complaints] == []
    assert {host for one in pages for host in one.hosts} <= {address.split("/")[2]}
