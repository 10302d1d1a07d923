"""Latents found by words, by token, by direction."""

from collections.abc import Iterator
from typing import Literal

from unmix.explorer import api
from unmix.explorer.view import View
from unmix.index import search as find
from unmix.index.search import Hit

Kind = Literal["all", "label", "token", "note", "explanation"]


def by_words(view: View, text: str, *, kind: Kind, limit: int) -> api.Hits:
    """Find latents by label, by token, by note or by explanation; the best reason is given."""
    words = text.strip()
    best: dict[int, Hit] = {}
    for hit in _found(view, words, kind) if words else ():
        if hit.latent not in best or hit.score > best[hit.latent].score:
            best[hit.latent] = hit
    order = sorted(best.values(), key=lambda hit: (-hit.score, hit.latent))
    return _hits(view, order[:limit], total=len(order))


def by_direction(view: View, latent: int, *, limit: int) -> api.Hits:
    """Find the latents whose directions are nearest to that of one."""
    hits = find.by_direction(view.index, latent, limit=limit)
    return _hits(view, hits, total=len(view.index) - 1)


def _found(view: View, text: str, kind: Kind) -> Iterator[Hit]:
    if kind in ("all", "label"):
        yield from find.by_label(view.index, text)
    if kind in ("all", "token"):
        yield from find.by_token(view.index, text)
    plain = text.casefold()
    if kind in ("all", "note"):
        for note in view.notes.all():
            if plain in note.text.casefold() or plain in map(str.casefold, note.tags):
                yield Hit(note.latent, "your note", 1.0)
    if kind in ("all", "explanation"):
        for latent, some in view.explanations.items():
            if any(plain in one.text.casefold() for one in some):
                yield Hit(latent, "an explanation", 1.0)


def _hits(view: View, hits: list[Hit], *, total: int) -> api.Hits:
    density = view.index.column("density")
    made = [
        api.Hit(label=view.label(hit.latent), density=float(density[hit.latent]), **hit._asdict())
        for hit in hits
    ]
    return api.Hits(total=total, hits=made)
