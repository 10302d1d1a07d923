"""Where a latent's rule predicts it and it is silent, and what fired instead."""

from unmix.explorer import api
from unmix.explorer.answers.examples import example
from unmix.explorer.view import View
from unmix.index.examples import Found
from unmix.index.rules import cosines, silence

AROUND = 24
"""Tokens shown on each side."""


def misses(view: View, latent: int, *, n: int) -> api.Misses:
    """Show where a latent's rule predicts it and it is silent."""
    index = view.index
    if not index.column("rule_kind")[latent]:
        return api.Misses(latent=latent, predicted=0, silent=0, misses=[], absorbers=[])
    found = silence(index, latent, n=n)
    codes, cosine = index.codes(latent), cosines(index, latent)
    rows = zip(*(part.tolist() for part in (*found.shown, found.acts)), strict=True)
    made = [
        api.Miss(
            example=example(view, Found(position, 0.0, 0), codes, around=AROUND),
            instead=[
                neighbour(view, other, score=act, together=float(cosine[other]))
                for other, act in zip(latents, acts, strict=True)
                if other >= 0
            ],
        )
        for position, latents, acts in rows
    ]
    absorbers = [
        neighbour(view, one.latent, score=one.share, together=one.cosine) for one in found.absorbers
    ]
    return api.Misses(
        latent=latent,
        predicted=found.predicted,
        silent=found.silent,
        misses=made,
        absorbers=absorbers,
    )


def neighbour(view: View, latent: int, *, score: float, together: float) -> api.Neighbour:
    """Name another latent, with two numbers about it."""
    return api.Neighbour(
        latent=latent,
        label=view.label(latent),
        score=score,
        together=together,
        density=float(view.index.column("density")[latent]),
    )
