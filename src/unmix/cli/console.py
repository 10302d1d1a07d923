"""Where words go: results to stdout, progress to stderr; colour only where a terminal shows it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

QUIET = 60.0
"""Seconds between lines of progress where there is no terminal."""
WIDTH = 100
"""Columns of what is written to a file or a pipe."""

Counter = Callable[[int, int], None]
"""Is told the tokens (or whatever is counted) done, and how many there are."""

stderr = Console(stderr=True, highlight=False)
"""The one console of all progress: live displays on it take turns."""


def say(sentence: str) -> None:
    """Tell what is going on, on stderr."""
    stderr.print(sentence, style="dim", markup=False, soft_wrap=True)


def stdout() -> Console:
    """Return the console of results."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


@contextmanager
def counting(verb: str, unit: str = "tokens") -> Iterator[Counter]:
    """Give a counter that shows speed and time left while the block runs."""
    counter = Bar(verb, unit) if stderr.is_terminal else Lines(verb, unit)
    try:
        yield counter
    finally:
        counter.close()


@final
class Bar:
    """A bar that is drawn anew in its place, from the first count to the last."""

    def __init__(self, verb: str, unit: str) -> None:
        self.verb, self.unit = verb, unit
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=stderr,
            transient=True,
        )
        self.rate = Rate()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        if not self.progress.tasks:
            self.progress.add_task(self.verb, total=total, rate="")
            self.progress.start()
        rate = self.rate.per_second(done)
        shown = f"{rate:,.0f} {self.unit}/s" if rate else ""
        self.progress.update(self.progress.task_ids[0], completed=done, total=total, rate=shown)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Clear the bar away."""
        self.progress.stop()


@final
class Lines:
    """At most a line a minute."""

    def __init__(self, verb: str, unit: str) -> None:
        self.verb, self.unit = verb, unit
        self.said = time.monotonic()
        self.rate = Rate()

    def __call__(self, done: int, total: int) -> None:
        """Say how far it is, if it was not said just now."""
        rate = self.rate.per_second(done)
        if time.monotonic() - self.said < QUIET or not rate:
            return
        self.said = time.monotonic()
        left = (total - done) / rate / 60
        share = f"{done:,} of {total:,} {self.unit}"
        say(f"{self.verb}: {share}, {rate:,.0f} a second, {left:.0f} min left")

    def close(self) -> None:
        """Leave nothing open."""


@final
class Rate:
    """What is done a second since the first count."""

    def __init__(self) -> None:
        self.first: tuple[float, int] | None = None

    def per_second(self, done: int) -> float | None:
        """Count, and return the speed so far; None for the first count."""
        now = time.monotonic()
        if self.first is None:
            self.first = now, done
            return None
        began, before = self.first
        return (done - before) / (now - began) if now > began and done > before else None
