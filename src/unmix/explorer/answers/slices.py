"""Parts of the corpus, and which latents differ between two of them."""

from unmix.explorer import api
from unmix.explorer.view import View
from unmix.index.read import Codes
from unmix.index.slices import differences as find_differences
from unmix.index.slices import shares, slice_of


def slice_shares(view: View, codes: Codes) -> list[api.SliceShare]:
    """Say how often a latent fires on every slice there is."""
    return [api.SliceShare(**one._asdict()) for one in shares(view.index, codes)]


def differences(view: View, a: str, b: str, *, limit: int) -> api.Differences:
    """Say which latents differ between two slices, each written `key:value`.

    That goes through every act, so it may take longer than a reader waits at once.
    """
    pair = slice_of(a), slice_of(b)
    key = ("differences", *pair, limit)
    found = view.jobs.get(key, lambda: find_differences(view.index, *pair, limit=limit))
    rows = [api.Difference(label=view.label(one.latent), **one._asdict()) for one in found.rows]
    return api.Differences(a=a, b=b, n_a=found.n_a, n_b=found.n_b, tested=found.tested, rows=rows)
