"""One latent, as an object that draws itself in a notebook.

index.latent(412)                      label, numbers, histogram, examples
index.latent(412).examples(how="range")
"""

from html import escape
from math import isnan
from typing import final

import numpy as np

from unmix.index.examples import How, Sample, Wish, sample
from unmix.index.read import ABOUT, Codes, Index
from unmix.index.statistics import Bars, acts_histogram
from unmix.index.windows import Shown, show, window

SHOWN = ("density", "largest", "token_entropy", "rule_f1")
"""Numbers under the label."""
EXAMPLES, AROUND = 5, 12
WIDTH, HEIGHT = 240, 48
"""Of the histogram, in pixels."""
STYLE = "font: 13px/1.6 system-ui, sans-serif; max-width: 46em"


@final
class LatentView:
    """One latent of an index."""

    def __init__(self, index: Index, latent: int) -> None:
        self.index = index
        self.latent = latent

    def __repr__(self) -> str:
        density = self._number("density")
        return f"latent {self.latent}: {self.label or 'no rule'}; density {density:.3g}"

    def __getitem__(self, column: str) -> float | str:
        """Return one of its statistics, by the name of the column."""
        value = self.index.column(column)[self.latent]
        return value if isinstance(value, str) else float(value)

    def _number(self, column: str) -> float:
        return float(self.index.column(column)[self.latent])

    @property
    def label(self) -> str:
        """Its rule in words; empty if it has none."""
        return str(self["label"])

    @property
    def codes(self) -> Codes:
        """Where it fired, and how strongly."""
        return self.index.codes(self.latent)

    def examples(self, how: How = "top", *, n: int = EXAMPLES, seed: int = 0) -> Sample:
        """Draw firings to look at; `unmix.index.examples.sample` takes more conditions."""
        return sample(self.index, self.latent, Wish(how, n, seed))

    def _repr_html_(self) -> str:
        """Draw it: no script, nothing from elsewhere."""
        known = {ABOUT[name].label: self._number(name) for name in SHOWN}
        numbers = " · ".join(f"{what} {x:.3g}" for what, x in known.items() if not isnan(x))
        bars = acts_histogram(self.codes.values)
        rows = [self._example(one.position) for one in self.examples().found]
        return (
            f'<div style="{STYLE}"><b>latent {self.latent}</b> {escape(self.label)}'
            f"<div>{escape(numbers)}</div>{'' if bars is None else _svg(bars)}"
            f"{''.join(rows) or '<div>It never fired.</div>'}</div>"
        )

    def _example(self, position: int) -> str:
        around = window(self.index, position, before=AROUND, after=AROUND)
        shown = show(self.index, around.tolist(), codes=self.codes, peak=position)
        largest = abs(self._number("largest"))
        pieces = "".join(_piece(one, largest) for one in shown)
        return f'<div style="white-space: pre-wrap">{pieces}</div>'


def _piece(one: Shown, largest: float) -> str:
    """Return a piece of text, marked as strongly as the latent fires on it."""
    text = escape(one.text)
    if not one.act:
        return text
    share = min(abs(one.act) / largest, 1.0)
    colour = f"rgba(224, 108, 0, {0.15 + 0.65 * share:.2f})"
    weight = "; font-weight: 600" if one.is_peak else ""
    return f'<span style="background: {colour}{weight}" title="{one.act:.3g}">{text}</span>'


def _svg(bars: Bars) -> str:
    """Draw a histogram; the heights are logarithmic, as rare strong acts are what matters."""
    heights = np.log1p(bars.counts) / max(np.log1p(max(bars.counts)), 1e-9) * HEIGHT
    step = WIDTH / len(heights)
    drawn = "".join(
        f'<rect x="{i * step:.1f}" y="{HEIGHT - h:.1f}" width="{step - 1:.1f}" height="{h:.1f}"/>'
        for i, h in enumerate(heights.tolist())
    )
    about = f"{sum(bars.counts)} acts from {bars.edges[0]:.3g} to {bars.edges[-1]:.3g}"
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" fill="#888" role="img">'
        f"<title>{about}</title>{drawn}</svg>"
    )
