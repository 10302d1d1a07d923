"""What the reader writes about latents."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from unmix.explorer import api
from unmix.explorer.answers.latent import note
from unmix.explorer.routes.given import TheLatent, TheView, mended
from unmix.index.notes import LONGEST_TAG, LONGEST_TEXT, MOST_TAGS

router = APIRouter(tags=["notes"])

LINES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/x-ndjson": {}}}}


class Written(BaseModel):
    """What the reader wrote."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=LONGEST_TEXT), BeforeValidator(mended)]
    tags: list[Annotated[str, Field(max_length=LONGEST_TAG), BeforeValidator(mended)]] = Field(
        default_factory=list, max_length=MOST_TAGS
    )


@router.get("/notes")
def read_notes(view: TheView) -> list[api.Note]:
    """Return every note."""
    return [api.Note(**one._asdict()) for one in view.notes.all()]


@router.put("/notes/{latent}")
def write_note(view: TheView, latent: TheLatent, written: Written) -> api.Note:
    """Write the note on a latent in the place of the one there was."""
    view.notes.put(latent, written.text, tags=written.tags)
    return note(view, latent)


@router.get("/notes.jsonl", response_class=StreamingResponse, responses=LINES)
def export_notes(view: TheView) -> StreamingResponse:
    """Return every note as a line of JSON."""
    headers = {"content-disposition": 'attachment; filename="notes.jsonl"'}
    lines = view.notes.lines()
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)
