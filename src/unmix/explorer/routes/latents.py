"""One latent: what is known of it, where it fires, where it should."""

from typing import Annotated

from fastapi import APIRouter, Query

from unmix.explorer import api
from unmix.explorer.answers.examples import examples
from unmix.explorer.answers.latent import latent as answer_latent
from unmix.explorer.answers.misses import misses
from unmix.explorer.routes.given import TheLatent, TheView
from unmix.index.examples import Wish

router = APIRouter(tags=["a latent"])

Few = Annotated[int, Query(ge=1, le=100)]
Act = Annotated[float | None, Query(allow_inf_nan=False)]


@router.get("/latent/{latent}")
def read_latent(view: TheView, latent: TheLatent) -> api.Latent:
    """Say everything that is known of a latent without the model."""
    return answer_latent(view, latent)


@router.get("/latent/{latent}/examples")
def read_examples(
    view: TheView,
    latent: TheLatent,
    how: api.How = "top",
    n: Few = 20,
    seed: Annotated[int, Query(ge=0, lt=2**32)] = 0,
    low: Act = None,
    high: Act = None,
    token: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
    slice_key: str | None = None,
    slice_value: str | None = None,
    fold: bool = True,
    window: Annotated[int, Query(ge=1, le=200)] = 24,
) -> api.Examples:
    """Draw firings of a latent, each with the text around it."""
    wish = Wish(how, n, seed, low, high, token, slice_key, slice_value, fold)
    return examples(view, latent, wish, around=window)


@router.get("/latent/{latent}/misses")
def read_misses(view: TheView, latent: TheLatent, n: Few = 20) -> api.Misses:
    """Show where a latent's rule predicts it and it is silent."""
    return misses(view, latent, n=n)
