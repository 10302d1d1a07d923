"""What is being looked at: the run, its dictionary, its text, its scores."""

import numpy as np

from unmix.disk import read_json
from unmix.errors import UserError
from unmix.explorer.answers.origin import origin
from unmix.explorer.api import ColumnInfo, RunInfo, ScoreInfo, SliceKey
from unmix.explorer.view import View
from unmix.index.read import ABOUT, Index

EVALUATION = "evaluation.json"


def run_info(view: View) -> RunInfo:
    """Say what is being looked at."""
    index, manifest = view.index, view.index.manifest
    return RunInfo(
        name=index.run.absolute().name,
        dictionary=index.name,
        model=manifest.model,
        site=manifest.site,
        kind=manifest.kind,
        k=manifest.k,
        n_latents=len(index),
        n_dead=int((index.column("n_fired") == 0).sum()),
        n_tokens=manifest.n_tokens,
        n_eligible=manifest.n_eligible,
        n_documents=manifest.n_documents,
        context=manifest.context,
        columns=[_column(index, name) for name in ABOUT],
        slices=[
            SliceKey(key=key, values=slices.values)
            for key, slices in index.documents.slices.items()
        ],
        scores=_scores(index),
        is_live=view.model is not None,
        has_umap=bool(np.isfinite(index.column("umap_x")).any()),
        others=list(view.others),
        provenance=origin(manifest),
        fingerprint=view.fingerprint,
    )


def _column(index: Index, name: str) -> ColumnInfo:
    about = ABOUT[name]
    is_number = about.type != "string"
    values = index.column(name)
    finite = values[np.isfinite(values)] if is_number else values[:0]
    return ColumnInfo(
        name=name,
        label=about.label,
        unit=about.unit,
        about=about.about,
        is_number=is_number,
        low=float(finite.min()) if len(finite) else None,
        high=float(finite.max()) if len(finite) else None,
    )


def _scores(index: Index) -> list[ScoreInfo]:
    """Return the scores of the dictionary in the run's evaluation, if it was evaluated."""
    path = index.run / EVALUATION
    if not path.is_file():
        return []
    measured = read_json(path).get("measured")
    try:
        for one in measured if isinstance(measured, list) else []:
            if one["role"] == "dictionary" and index.name in ("", one["name"]):
                return [_score(score) for score in one["scores"] if score["value"] is not None]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"`{path}` is no evaluation of this version; run `unmix evaluate {index.run}` again"
        ) from error
    return []


def _score(score: dict[str, object]) -> ScoreInfo:
    kept = {name: score[name] for name in ("name", "value", "low", "high", "unit")}
    return ScoreInfo.model_validate(kept | {"about": score["definition"]})
