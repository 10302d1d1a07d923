"""Where recorded files lie, and how they are read.  Nothing here imports torch."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from unmix.errors import UserError
from unmix.learn import asked, schema, told

R = TypeVar("R", bound=schema.Recorded)

RECORDED = Path(__file__).parent / "recorded"
FILES: dict[str, type[schema.Recorded]] = {
    "recorded": schema.Provenance,
    "grid": schema.Grid,
    "path": schema.Path,
    "parity": schema.Parity,
    "listing": schema.Listing,
    "lm": schema.Real,
    "heldout": schema.Heldout,
    "status": told.Status,
    "checks": asked.Checks,
    "claims": asked.Claims,
    "sources": asked.Sources,
    "misconceptions": asked.Misconceptions,
    "objects": asked.Things,
}
"""Every file of text by its name, and what is in it."""


def read(kind: type[R], name: str, *, folder: Path = RECORDED) -> R:
    """Read a recorded file.

    Raises:
        UserError: It is not there, or of another version.
    """
    path = folder / f"{name}.json"
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"`{path}` does not exist; `make learn-runs` makes it") from error
    except ValidationError as error:
        raise UserError(f"`{path}` is of another version; `make learn-runs` makes it") from error


def all_of(folder: Path = RECORDED) -> list[Path]:
    """Return every recorded file."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
