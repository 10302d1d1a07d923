"""Draw the picture of each world for its page in `docs/worlds/`, from the world itself.

.venv/bin/python tools/worlds.py
"""

import math
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.disk import write_text
from unmix.worlds.named import world
from unmix.worlds.world import Planted, World

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "worlds"
STYLE = """<style>
text{font:12px Inter,system-ui,sans-serif;fill:#6d6f76}
.rule{stroke:#c9c6bd;fill:none}.on{fill:#d9480f}.arm{stroke:#d9480f;fill:none}
@media(prefers-color-scheme:dark){text{fill:#9a9ca3}.rule{stroke:#474c57}
.on{fill:#ff8a4c}.arm{stroke:#ff8a4c}}
</style>"""
CLOUDS = {"plane": {}, "cube": {}, "elhage": {}}
"""Worlds that are seen whole in two or three dimensions."""
RANKS: dict[str, dict[str, object]] = {
    "sharkey": {},
    "sanity": {"varied": True},
    "synth": {"steps": 0},
}
"""Worlds of so many features that only how often they are on can be shown, and their settings."""
ROWS = ("toy", "flat", "tree", "nabeshima", "absorption", "hedging", "correlated", "pair")
ROWS += ("shrinkage", "superposed")
TOKENS = 64


def main() -> None:
    """Draw every picture."""
    torch.set_num_threads(1)
    for name, settings in CLOUDS.items():
        _write(name, cloud(world(name, **settings)))
    for name, settings in RANKS.items():
        there = world(name, **settings)
        assert isinstance(there, Planted)
        _write(name, ranks(there))
    for name in ROWS:
        children = {"children": (0.15, 0.15, 0.15)} if name == "hedging" else {}
        _write(name, rows(world(name, **children)))


def cloud(there: World, n: int = 400) -> str:
    """Draw tokens as points and directions as arrows, three dimensions seen from a corner."""
    x = there.sample(40 * n).x
    x = _flat(x[x.norm(dim=1) > 0][:n])
    arms = _flat(there.directions)
    scale = 95 / max(1.0, float(x.norm(dim=1).quantile(0.99)))
    near = [(a, b) for a, b in (scale * x).tolist() if math.hypot(a, b) < 105]
    marks = "".join(f"M{110 + a:.0f} {105 - b:.0f}h0" for a, b in near)
    points = f'<path class="rule" stroke-width="2.5" stroke-linecap="round" d="{marks}"/>'
    drawn = "".join(
        f'<path class="arm" stroke-width="1.5" d="M110 105L{110 + scale * a:.1f} '
        f'{105 - scale * b:.1f}"/><circle class="on" cx="{110 + scale * a:.1f}" '
        f'cy="{105 - scale * b:.1f}" r="2.5"/>'
        for a, b in arms.tolist()
    )
    told = f"{n} tokens and the directions of {there.n_features} features"
    return _picture(220, 215, points + drawn, told)


def rows(there: World) -> str:
    """Draw which features are on at the first tokens: a row a feature, a column a token."""
    order = _by_family(there)
    acts = there.sample(TOKENS).code.dense()[:, order]
    step = 9 if there.n_features <= 24 else 5
    top = float(acts.max())
    dots = "".join(
        f'<circle cx="{40 + 9 * t}" cy="{6 + step * j}" '
        f'r="{0.5 * step * math.sqrt(float(acts[t, j]) / top):.1f}"/>'
        for t, j in acts.nonzero().tolist()
    )
    dots = f'<g class="on">{dots}</g>'
    right, bottom = 40 + 9 * TOKENS, 6 + step * there.n_features
    names = f'<text x="28" y="10" text-anchor="end">1</text><text x="28" y="{bottom - step + 4}" '
    names += f'text-anchor="end">{there.n_features}</text>'
    parents = [order.index(p) if p >= 0 else -1 for p in there.parents[order].tolist()]
    forest = "".join(
        f'<path class="rule" d="M38 {6 + step * p}H34V{6 + step * j}H38"/>'
        for j, p in enumerate(parents)
        if p >= 0
    )
    axis = f'<path class="rule" d="M38 {bottom}H{right}"/>'
    axis += f'<text x="40" y="{bottom + 14}">{TOKENS} tokens</text>'
    told = f"Which of {there.n_features} features are on at {TOKENS} tokens, by size of the dot"
    return _picture(right + 4, bottom + 20, forest + dots + names + axis, told)


def ranks(there: Planted, n: int = 20_000) -> str:
    """Draw how often each feature is on, by its number, both in powers of ten."""
    share = there.sample(n).code.counts().double() / n
    f = there.n_features
    if bool((there.parents < 0).all()):
        share = share[there.firing.chance.argsort(descending=True, stable=True)]
    picked = torch.logspace(0, math.log10(f), 160).long().clamp(max=f).unique() - 1
    low, wide, high = -4.5, 460, 180

    def place(i: int, p: float) -> tuple[float, float]:
        return 52 + wide * math.log10(i + 1) / math.log10(f), 8 + high * math.log10(p) / low

    dots = "".join(
        '<circle cx="{:.1f}" cy="{:.1f}" r="1.7"/>'.format(*place(i, float(share[i])))
        for i in picked.tolist()
        if share[i] > 0
    )
    dots = f'<g class="on">{dots}</g>'
    marks = "".join(
        f'<path class="rule" d="M52 {8 + high * power / low:.1f}H{52 + wide}"/>'
        f'<text x="46" y="{12 + high * power / low:.1f}" text-anchor="end">{10.0**power:g}</text>'
        for power in (0, -1, -2, -3, -4)
    )
    names = f'<text x="52" y="{high + 24}">1</text><text x="{52 + wide}" y="{high + 24}" '
    names += f'text-anchor="end">{f:,}</text><text x="{52 + wide / 2}" y="{high + 24}" '
    names += 'text-anchor="middle">number of the feature</text>'
    told = f"Share of {n:,} tokens on which each of {f:,} features is on"
    return _picture(wide + 68, high + 30, marks + dots + names, told)


def _flat(x: Float[Tensor, "n d"]) -> Float[Tensor, "n 2"]:
    """See points from a corner, if they have three dimensions."""
    if x.shape[1] == 2:
        return x
    turn, tilt = 0.5, 0.35
    across = x[:, 0] * math.cos(turn) - x[:, 1] * math.sin(turn)
    along = x[:, 0] * math.sin(turn) + x[:, 1] * math.cos(turn)
    return torch.stack([across, x[:, 2] * math.cos(tilt) + along * math.sin(tilt)], 1)


def _by_family(there: World) -> list[int]:
    """Return the features with every child after its parent and before other parents."""
    parents = there.parents.tolist()

    def family(j: int) -> list[int]:
        return [j, *(d for c, p in enumerate(parents) if p == j for d in family(c))]

    return [j for root, p in enumerate(parents) if p < 0 for j in family(root)]


def _picture(width: float, height: float, shapes: str, told: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img"><title>{told}</title>{STYLE}'
        f"{shapes}</svg>\n"
    )


def _write(name: str, picture: str) -> None:
    write_text(FOLDER / f"{name}.svg", picture)


if __name__ == "__main__":
    main()
