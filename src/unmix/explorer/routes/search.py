"""Finding latents: by words, by direction, by what differs between two slices or dictionaries."""

from typing import Annotated

from fastapi import APIRouter, Query

from unmix.explorer import api
from unmix.explorer.answers.compare import Kinds, compare, counterpart_examples, match
from unmix.explorer.answers.search import Kind, by_direction, by_words
from unmix.explorer.answers.slices import differences
from unmix.explorer.routes.given import Limit, TheLatent, TheView, Typed

router = APIRouter(tags=["search"])


@router.get("/search")
def search(
    view: TheView, q: Annotated[Typed, Query(max_length=200)], kind: Kind = "all", limit: Limit = 50
) -> api.Hits:
    """Find latents by label, by token, by note or by explanation."""
    return by_words(view, q, kind=kind, limit=limit)


@router.get("/search/direction")
def search_direction(
    view: TheView, latent: Annotated[int, Query(ge=0)], limit: Limit = 50
) -> api.Hits:
    """Find the latents whose directions are nearest to that of one."""
    return by_direction(view, latent, limit=limit)


@router.get("/differences")
def read_differences(view: TheView, a: str, b: str, limit: Limit = 100) -> api.Differences:
    """Say which latents differ between two slices, each written `key:value`."""
    return differences(view, a, b, limit=limit)


@router.get("/compare")
def read_comparison(
    view: TheView,
    other: str,
    kind: Kinds = "all",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Limit = 200,
) -> api.Comparison:
    """Say how the latents of this dictionary and another correspond."""
    return compare(view, other, kind=kind, offset=offset, limit=limit)


@router.get("/compare/{latent}")
def read_match(view: TheView, latent: TheLatent, other: str) -> api.Match:
    """Return the best counterparts of one latent in another dictionary."""
    return match(view, latent, other)


@router.get("/compare/{latent}/examples")
def read_counterpart_examples(
    view: TheView,
    latent: int,
    other: str,
    n: Annotated[int, Query(ge=1, le=20)] = 3,
    window: Annotated[int, Query(ge=1, le=200)] = 10,
) -> api.Examples:
    """Draw firings of a latent of the other dictionary."""
    return counterpart_examples(view, latent, other, n=n, around=window)
