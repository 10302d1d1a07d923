"""Measure reconstructions, whoever made them: the same rows, the same code, the same model.

FVU is taken around the mean of the training rows, L0 is counted, CE is the model's with the
reconstructions in the place of exactly those activations (`unmix.evaluation` defines all three).
Beside each number with its interval stand the sums by document that it was made of, so that two
libraries can be compared on the same documents.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from rows import candidate, contexts_of, language_model
from torch import Tensor

from unmix.activations.source import Source
from unmix.activations.store import open_store
from unmix.disk import read_json
from unmix.errors import UserError
from unmix.evaluation import candidates
from unmix.evaluation.candidates import Candidate, Rebuilt
from unmix.evaluation.fidelity import FVU, L0
from unmix.evaluation.score import DocumentSums, Score, score
from unmix.evaluation.splicing import SPLICING, columns_of, splice
from unmix.models.sites import resolve

Numbers: TypeAlias = dict[str, Any]
"""Name of a metric to value and interval; `... sums` to sums by document."""

WANTED = {"CE": "ce", "CE score, mean": "ce_score", "CE score, zero": "ce_score_zero", "KL": "kl"}
"""Metrics of splicing that are kept, and what they are called in results."""
CLOSE = 1e-3
"""How far a row may be from the one a library was given, as a share of the largest entry."""


def fidelity(data: Path, out: Path, reading: str) -> Numbers:
    """Return FVU and L0 on the held-out rows."""
    mean = torch.from_numpy(np.load(data / "moments.npz")["mean"])
    documents = torch.from_numpy(np.load(data / "documents.npy"))
    given = np.load(data / "held_out.npy", mmap_mode="r")
    rebuilt = np.load(out / f"{reading}-held_out.npy", mmap_mode="r")
    used = torch.from_numpy(np.load(out / f"{reading}-held_out-used.npy"))
    sums = DocumentSums(("n", "error", "total", "l0"))
    for rows in torch.arange(len(given)).split(8192):
        x = torch.from_numpy(given[rows.numpy()]).double()
        guess = torch.from_numpy(rebuilt[rows.numpy()]).double()
        columns = {
            "n": torch.ones(len(rows)),
            "error": (x - guess).square().sum(1),
            "total": (x - mean).square().sum(1),
            "l0": used[rows],
        }
        sums.add(documents[rows], columns)
    fvu, l0 = score((FVU, L0), sums, n=len(given), seconds=0.0)
    return {"fvu": _short(fvu), "l0": _short(l0), "fvu sums": _by_document(sums, sums.columns)}


def main() -> None:
    """Measure the splicing of one group in a process of its own; the result goes to stdout."""
    job = json.loads(Path(sys.argv[1]).read_text())
    source, data = open_store(Path(job["store"])), Path(job["data"])
    print(json.dumps(spliced(source, data, job["places"], tokens=job["tokens"])))


def spliced(
    source: Source, data: Path, places: Mapping[str, Sequence[str]], *, tokens: int
) -> dict[str, Numbers]:
    """Run the model with each reconstruction in place.

    Args:
        places: Folder and reading of each, by a name of its own.
    """
    about = read_json(data / "about.json")
    site, blocks = str(about["site"]), about["spliced"]
    given = _blocks(data / "spliced.npy", blocks)
    mean = torch.from_numpy(np.load(data / "moments.npz")["mean"]).float()
    stands = [
        candidates.mean(site, site, mean=mean),
        candidates.zero(site, site, width=len(mean)),
    ]
    for name, (out, reading) in places.items():
        rebuilt = _blocks(Path(out) / f"{reading}-spliced.npy", blocks)
        stands.append(_given_back(name, site, given, rebuilt))
    model = language_model(source).model
    contexts = contexts_of(source, site, tokens=tokens)
    sites = {site: resolve(model, site)}
    run = splice(model, stands, sites=sites, contexts=contexts)
    kept = [metric for metric in SPLICING if metric.name in WANTED]
    made = {}
    for name in places:
        scores = score(kept, run.sums, n=run.n, seconds=0.0, columns=columns_of(name))
        sums = _by_document(run.sums, ("n", f"ce {name}", "ce original", "ce mean", "ce zero"))
        sums["ce"] = sums.pop(f"ce {name}")
        made[name] = {WANTED[s.name]: _short(s) for s in scores} | {"ce sums": sums}
    return made


def _blocks(path: Path, lengths: object) -> list[Float[Tensor, "n d"]]:
    """Read rows in the blocks in which the model carries them."""
    assert isinstance(lengths, list)
    return list(torch.from_numpy(np.load(path)).split(lengths))


def _given_back(
    name: str, site: str, given: Sequence[Tensor], rebuilt: Sequence[Tensor]
) -> Candidate:
    """Return a candidate that knows what every block was rebuilt as."""

    def rebuild(x: Float[Tensor, "n d"]) -> Rebuilt:
        near = [i for i, block in enumerate(given) if block.shape == x.shape]
        apart = [float((given[i] - x).abs().max()) for i in near]
        if not near or min(apart) > CLOSE * float(x.abs().max()):
            raise UserError(
                "the model carries other activations than the libraries were given; "
                "delete the work folder and run again"
            )
        return Rebuilt(rebuilt[near[int(np.argmin(apart))]], None)

    return candidate(name, site, rebuild)


def _short(measured: Score) -> list[float | None]:
    """Return value and interval."""
    return [measured.value, measured.low, measured.high]


def _by_document(sums: DocumentSums, columns: Sequence[str]) -> dict[str, list[float]]:
    """Return some of the sums, one number a document."""
    places = [sums.columns.index(column) for column in columns]
    named = {c: sums.sums[:, i].tolist() for c, i in zip(columns, places, strict=True)}
    return named | {"documents": sums.documents.tolist()}


if __name__ == "__main__":
    main()
