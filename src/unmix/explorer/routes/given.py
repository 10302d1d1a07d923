"""What addresses are given: the view, a latent that is there, a query line, a number of things."""

from typing import Annotated, TypeAlias

from fastapi import Depends, Path, Query, Request
from pydantic import BeforeValidator

from unmix.explorer.trouble import Missing
from unmix.explorer.view import View


def _view(request: Request) -> View:
    """Return what the server shows."""
    return request.app.state.view


TheView: TypeAlias = Annotated[View, Depends(_view)]


def _latent(view: TheView, latent: Annotated[int, Path()]) -> int:
    """Return the number of a latent, if it is there."""
    if not 0 <= latent < len(view.index):
        raise Missing(f"there is no latent {latent}; they run from 0 to {len(view.index) - 1}")
    return latent


def mended(text: object) -> object:
    """Return a text with lone surrogates, which stand for no character, replaced."""
    if not isinstance(text, str):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


TheLatent: TypeAlias = Annotated[int, Depends(_latent)]
Where: TypeAlias = Annotated[str, Query(description="A query line; empty for all latents.")]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=1000)]
Typed: TypeAlias = Annotated[str, BeforeValidator(mended)]
"""Text that somebody typed."""
