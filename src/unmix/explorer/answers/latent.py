"""One latent: everything that is known of it without the model."""

import json
from math import isnan

import numpy as np

from unmix.explorer import api
from unmix.explorer.answers.slices import slice_shares
from unmix.explorer.view import View
from unmix.index.statistics import (
    Bars,
    acts_histogram,
    logit_histogram,
    numbers,
    percentiles,
    tokens_fired,
)


def latent(view: View, number: int) -> api.Latent:
    """Say everything that is known of one latent."""
    index = view.index
    codes = index.codes(number)
    statistics = {name: _number(index.column(name)[number].item()) for name in numbers()}
    up, down = _effects(view, number)
    return api.Latent(
        latent=number,
        label=view.label(number),
        statistics=statistics,
        acts=_histogram(acts_histogram(codes.values)),
        logits=_histogram(logit_histogram(index, number)),
        up=up,
        down=down,
        tokens=[
            api.TokenCount(text=index.vocabulary.text(one.token), **one._asdict())
            for one in tokens_fired(index, codes)
        ],
        by_direction=_neighbours(view, number, kind="direction"),
        by_firing=_neighbours(view, number, kind="firing"),
        rule=_rule(view, number),
        slices=slice_shares(view, codes),
        note=note(view, number),
        explanations=[
            api.Explanation(**one._asdict()) for one in view.explanations.get(number, [])
        ],
        percentiles=percentiles(index, number),
    )


def note(view: View, number: int) -> api.Note:
    """Return what the reader wrote about a latent."""
    return api.Note(**view.notes.of(view.index.checked(number))._asdict())


def _number(value: float) -> float | None:
    return None if isnan(value) else float(value)


def _histogram(bars: Bars | None) -> api.Histogram | None:
    return None if bars is None else api.Histogram(edges=bars.edges, counts=bars.counts)


def _effects(view: View, number: int) -> tuple[list[api.Effect], list[api.Effect]]:
    """Return the tokens a direction writes for and against, strongest first."""
    rows = view.index.logits.of(number)
    sides: dict[int, list[api.Effect]] = {1: [], -1: []}
    for i in np.argsort(rows["rank"], kind="stable").tolist():
        token = int(rows["token"][i])
        effect = api.Effect(
            token=token, text=view.index.vocabulary.text(token), logit=float(rows["logit"][i])
        )
        sides[int(rows["side"][i])].append(effect)
    return sides[1], sides[-1]


def _neighbours(view: View, number: int, *, kind: str) -> list[api.Neighbour]:
    rows = view.index.neighbours.of(number)
    density = view.index.column("density")
    mine = np.flatnonzero(rows["kind"] == kind)
    mine = mine[np.argsort(rows["rank"][mine], kind="stable")]
    return [
        api.Neighbour(
            latent=other,
            label=view.label(other),
            score=float(rows["score"][i]),
            together=_number(rows["together"][i].item()),
            density=float(density[other]),
        )
        for i, other in zip(mine.tolist(), rows["other"][mine].tolist(), strict=True)
    ]


def _rule(view: View, number: int) -> api.RuleInfo | None:
    index = view.index
    kind = index.column("rule_kind")[number]
    if not kind:
        return None
    parts = json.loads(index.column("rule")[number])
    text = index.vocabulary.text
    return api.RuleInfo.model_validate(
        {
            "kind": kind,
            "label": view.label(number),
            "parts": [[None if token is None else text(token) for token in part] for part in parts],
            **{
                name: _number(index.column(f"rule_{name}")[number].item()) or 0.0
                for name in ("precision", "recall", "f1", "low", "high")
            },
        }
    )
