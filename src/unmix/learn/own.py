"""The page's views on the reader's own run, from its evaluation.  Nothing here imports torch."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unmix.disk import read_json
from unmix.errors import UserError
from unmix.learn.told import Own, OwnDensity, OwnLink, OwnOne, OwnScore

EVALUATION = "evaluation.json"
SHOWN = ("FVU", "L0", "relative bias", "CE", "CE increase", "CE score, mean", "dead latents")
"""Scores that the page shows."""
LINKS = (
    ("claim:tradeoff", "every latent of the dictionary", "/#/overview"),
    ("claim:larger-k", "latents that fire on more than one token in ten", "density > 0.1"),
    ("claim:from-truth", "latents whose firing goes with another latent's", "density > 0.001"),
)
"""Claim, what the explorer shows for it, and an address or a query line."""


def own(run: Path, *, has_explorer: bool) -> Own:
    """Return what the evaluation of a run says of the claims.

    Raises:
        UserError: The run has no evaluation of this version.
    """
    path = run / EVALUATION
    if not path.exists():
        raise UserError(f"`{run}` was not evaluated; run `unmix evaluate {run}`")
    found: dict[str, Any] = read_json(path)
    try:
        return Own(
            run=run.absolute().name,
            model=found["model"],
            site=found["site"],
            original_ce=(found["original"] or {}).get("value"),
            tokens=found["counted"]["eligible"],
            measured=[_one(row) for row in found["measured"]],
            links=list(_links()) if has_explorer else [],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"`{path}` is no evaluation of this version; run `unmix evaluate {run}` again"
        ) from error


def _one(row: Mapping[str, Any]) -> OwnOne:
    """Return one dictionary or control."""
    density = row.get("density")
    scores = {score["name"]: score for score in row["scores"]}
    kept = ("edges", "counts", "dead")
    return OwnOne(
        name=row["name"],
        role=row["role"],
        about=row["about"],
        scores=[_score(scores[name]) for name in SHOWN if name in scores],
        density=None if density is None else OwnDensity(**{name: density[name] for name in kept}),
    )


def _score(score: Mapping[str, Any]) -> OwnScore:
    names = ("name", "value", "low", "high", "unit", "definition")
    return OwnScore.model_validate({name: score[name] for name in names})


def _links() -> Iterator[OwnLink]:
    for claim, says, where in LINKS:
        address = where if where.startswith("/") else f"/#/overview?where={quote(where)}"
        yield OwnLink(claim=claim, says=says, address=address)
