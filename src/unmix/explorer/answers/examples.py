"""Where a latent fires, and where its rule says it should and it is silent."""

from unmix.explorer import api
from unmix.explorer.view import View
from unmix.index.examples import Found, Wish, sample
from unmix.index.read import Codes
from unmix.index.windows import show, window


def examples(view: View, latent: int, wish: Wish, *, around: int) -> api.Examples:
    """Draw firings of a latent, each with the text around it."""
    index = view.index
    drawn = sample(index, latent, wish)
    codes = index.codes(latent)
    return api.Examples(
        latent=latent,
        how=wish.how,
        total=drawn.total,
        examples=[example(view, one, codes, around=around) for one in drawn.found],
    )


def example(view: View, found: Found, codes: Codes, *, around: int) -> api.Example:
    """Show the text around one position, with the acts of a latent on it."""
    index = view.index
    positions = window(index, found.position, before=around, after=around)
    shown = show(index, positions.tolist(), codes=codes, peak=found.position)
    document = int(index.tokens.document[found.position])
    documents = index.documents
    return api.Example(
        position=found.position,
        act=found.act,
        pieces=[
            api.Piece(text=one.text, act=one.act, position=one.position, token=one.token)
            for one in shown
        ],
        peak=next(i for i, one in enumerate(shown) if one.is_peak),
        document=documents.name[document],
        source=documents.source[document],
        split=documents.split[document],
        metadata=documents.metadata(document),
        similar=found.similar,
    )
