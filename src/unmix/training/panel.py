"""What a terminal shows while training runs: one live table on stderr, silence elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, final, runtime_checkable

from rich.console import Console
from rich.live import Live
from rich.table import Table


@runtime_checkable
class Panel(Protocol):
    """Something that is shown the numbers of a run now and then."""

    def show(self, *, step: int, steps: int, rate: float, lines: list[dict[str, Any]]) -> None:
        """Show where the run is; `rate` is in tokens a second, `lines` as in `metrics.jsonl`."""


@final
class Silent:
    """Shows nothing."""

    def show(self, *, step: int, steps: int, rate: float, lines: list[dict[str, Any]]) -> None:
        """Show nothing."""


@final
class LiveTable:
    """One table that is drawn anew in its place."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.started = time.monotonic()
        self.first: int | None = None

    def show(self, *, step: int, steps: int, rate: float, lines: list[dict[str, Any]]) -> None:
        """Draw the table of this moment."""
        self.first = step if self.first is None else self.first
        done = step - self.first
        left = (time.monotonic() - self.started) / done * (steps - step) if done else None
        title = f"step {step:,} of {steps:,} · {rate:,.0f} tokens/s · {_clock(left)} left"
        self.live.update(table(title, lines))


@contextmanager
def live_panel(console: Console) -> Iterator[Panel]:
    """Give a panel that lasts while the block runs: a live table where there is a terminal."""
    if not console.is_terminal:
        yield Silent()
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield LiveTable(live)


def table(title: str, lines: list[dict[str, Any]]) -> Table:
    """Lay the latest line of each dictionary out as a table."""
    out = Table(title=title, title_justify="left", title_style="dim", box=None, pad_edge=False)
    for heading in ("dictionary", "loss", "FVU", "L0", "dead", "rate", "penalty"):
        out.add_column(heading, justify="left" if heading == "dictionary" else "right", style="")
    for line in lines:
        weight = "" if line["weight"] is None else f"{line['weight']:.3g}"
        out.add_row(
            line["name"],
            f"{line['loss']:.4f}",
            f"{line['fvu']:.4f}",
            f"{line['l0']:.1f}",
            f"{line['dead']:.1%}",
            f"{line['lr']:.1e}",
            weight,
        )
    return out


def _clock(seconds: float | None) -> str:
    """Write a duration as people do."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
