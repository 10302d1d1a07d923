"""Two dictionaries side by side."""

from typing import Literal

import numpy as np

from unmix.explorer import api
from unmix.explorer.answers.examples import examples
from unmix.explorer.trouble import Missing
from unmix.explorer.view import View
from unmix.index.compare import SAME, Correspondence, correspond, jaccard
from unmix.index.examples import Wish
from unmix.index.read import Index
from unmix.index.statistics import BINS

Kinds = Literal["all", "matched", "split", "unmatched"]


def compare(view: View, name: str, *, kind: Kinds, offset: int, limit: int) -> api.Comparison:
    """Say how the latents of this dictionary and another correspond, best counterparts first."""
    other, found = _found(view, name)
    kinds = found.kinds
    order = np.argsort(-found.cosines[:, 0], kind="stable").tolist()
    wanted = [j for j in order if kind in ("all", kinds[j])]
    counts, edges = np.histogram(found.cosines[:, 0], bins=BINS, range=(-1.0, 1.0))
    known = found.assigned[~np.isnan(found.assigned)]
    return api.Comparison(
        other=name,
        n_other=len(other),
        matched=kinds.count("matched"),
        split=kinds.count("split"),
        unmatched=kinds.count("unmatched"),
        mean_cosine=float(known.mean()) if len(known) else 0.0,
        share_matched=float((np.nan_to_num(found.assigned) >= SAME).mean()),
        histogram=api.Histogram(edges=edges.tolist(), counts=counts.tolist()),
        rows=[_match(view, other, found, j, kinds[j]) for j in wanted[offset : offset + limit]],
    )


def match(view: View, latent: int, name: str) -> api.Match:
    """Return the best counterparts of one latent, with how often both fire together."""
    other, found = _found(view, name)
    row = _match(view, other, found, latent, found.kinds[latent])
    for one in row.others:
        one.together = jaccard(view.index, other, (latent, one.latent))
    return row


def counterpart_examples(
    view: View, latent: int, name: str, *, n: int, around: int
) -> api.Examples:
    """Draw the strongest firings of a latent of the other dictionary, on that one's own text."""
    other = view.other(name)
    if not 0 <= latent < len(other):
        raise Missing(f"`{name}` has no latent {latent}; they run from 0 to {len(other) - 1}")
    return examples(View(other), latent, Wish("top", n), around=around)


def _found(view: View, name: str) -> tuple[Index, Correspondence]:
    other = view.other(name)
    return other, view.jobs.get(("compare", name), lambda: correspond(view.index, other))


def _match(view: View, other: Index, found: Correspondence, latent: int, kind: str) -> api.Match:
    labels, density = other.column("label"), other.column("density")
    others = [
        api.Neighbour(
            latent=one,
            label=str(labels[one]),
            score=score,
            together=None,
            density=float(density[one]),
        )
        for one, score in zip(
            found.others[latent].tolist(), found.cosines[latent].tolist(), strict=True
        )
    ]
    return api.Match.model_validate(
        {
            "latent": latent,
            "label": view.label(latent),
            "density": float(view.index.column("density")[latent]),
            "others": others,
            "kind": kind,
        }
    )
