"""A run folder in, its numbers and its report out.

RUN/evaluation.json   every score of every dictionary and control (`result.py`)
RUN/report.html       the same for a reader, with pictures and ten latents (`report.py`)
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from unmix import __version__
from unmix.activations.live import LiveSource
from unmix.activations.source import Source
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.files import TENSORS, Card, load, read_card
from unmix.disk import file_sha256, write_text
from unmix.evaluation.candidates import Candidate, Role, from_dictionary
from unmix.evaluation.controls import FROZEN, train_on_random_weights
from unmix.evaluation.examples import Portrait, direct_unembedding, logit_effects, portraits
from unmix.evaluation.measure import Found, Progress, Settings, measure, rebuild_only
from unmix.evaluation.report import page
from unmix.evaluation.result import Evaluation, Measured, write
from unmix.models.load import LanguageModel
from unmix.training.config import TrainConfig
from unmix.training.finished import check_source, dictionaries, model_of
from unmix.training.reading import open_source
from unmix.training.run import read_config
from unmix.training.track import read_lines

REPORT = "report.html"
ABOUT: dict[Role, str] = {
    "dictionary": "the dictionary that was trained",
    "frozen": "trained beside the first dictionary, its directions kept at their random start",
    "random": "the same kind trained on the same text read by a model of random weights, and "
    "measured there: on other activations than the rest",
}


def evaluate(
    run: Path,
    *,
    controls: bool = False,
    settings: Settings | None = None,
    progress: Progress = lambda _: None,
) -> Evaluation:
    """Measure the dictionaries of a finished run beside their controls; write both files.

    Args:
        run: The run folder.
        controls: Also train the same kind on a model of random weights and measure that, which
            costs a second harvest and a second training (once: it is kept in the run folder).
        settings: How much is measured.
        progress: Is told in words what is being done.

    Raises:
        UserError: The run is not finished, or its activations or its model are not those it was
            trained on.
    """
    start = time.perf_counter()
    settings = settings or Settings()
    config = read_config(run)
    folders = dictionaries(run)
    progress("opening the activations")
    source = open_source(config, report=progress)
    check_source(folders, source)
    progress("loading the model")
    model = model_of(source)
    coded = _coded(run, folders)
    found = measure(source, coded, model=model.model, settings=settings, progress=progress)
    if controls:
        progress("training the control on a model of random weights")
        folder = train_on_random_weights(config, source.config, report=progress)
        found.measured.insert(len(coded), _random(folder, settings, progress))
    about = _provenance(config, source, settings, found)
    evaluation = _evaluation(run, found, source, about, time.perf_counter() - start)
    write(evaluation, run)
    shown = _portraits(found, load(folders[coded[0].name]), model, source, found.target)
    write_text(run / REPORT, page(evaluation, curves=_curves(run), portraits=shown))
    return evaluation


def _evaluation(
    run: Path, found: Found, source: Source, provenance: dict[str, Any], seconds: float
) -> Evaluation:
    return Evaluation(
        run=run.resolve().name,
        model=source.config.model,
        site=found.site,
        target=found.target,
        measured=found.measured,
        original=found.original,
        counted=found.counted,
        positions=found.positions,
        notes=_notes(found, source),
        provenance=provenance,
        seconds=seconds,
    )


def _coded(run: Path, folders: Mapping[str, Path]) -> list[Candidate]:
    """Return the dictionaries of a run, and the frozen twin after them."""
    coded = [_candidate(folder, name, "dictionary") for name, folder in folders.items()]
    if (run / FROZEN).exists():
        coded.append(_candidate(run / FROZEN, "frozen", "frozen"))
    return coded


def _candidate(folder: Path, name: str, role: Role) -> Candidate:
    """Return a saved dictionary as a candidate."""
    card = read_card(folder)
    return from_dictionary(
        name,
        load(folder),
        site=card.site,
        target=card.target or card.site,
        role=role,
        about=f"{_kind(card)}; {ABOUT[role]}",
        fingerprint=file_sha256(folder / TENSORS)[:16],
    )


def _kind(card: Card) -> str:
    k = "" if card.k is None else f", k {card.k:g}"
    return f"{card.kind}, {card.n_latents:,} latents{k}"


def _random(folder: Path, settings: Settings, progress: Progress) -> Measured:
    """Measure the control that was trained on a model of random weights."""
    source = open_source(read_config(folder), report=progress)
    candidate = _candidate(folder / "dictionary", "random model", "random")
    return rebuild_only(source, candidate, settings=settings, progress=progress)


def _portraits(
    found: Found, dictionary: Dictionary, model: LanguageModel, source: Source, target: str
) -> list[Portrait]:
    """Put the latents drawn into words."""
    if found.gathered is None:
        return []
    numbers = found.gathered.windows.document.unique().tolist()
    names = dict(zip(numbers, source.documents(numbers), strict=True))
    latents = torch.tensor(found.latents)
    return portraits(
        found.gathered,
        model.tokenizer,
        latents=latents,
        n=found.counted.eligible,
        document=names.__getitem__,
        effects=_effects(dictionary.W_dec[latents], model, target),
    )


def _effects(
    directions: Float[Tensor, "q d"], model: LanguageModel, target: str
) -> Float[Tensor, "q v"] | None:
    """Return what directions write to the logits, where the site is the residual stream."""
    head = direct_unembedding(model, target, width=directions.shape[1])
    return None if head is None else logit_effects(directions.cpu(), head)


def _curves(run: Path) -> dict[str, list[dict[str, float]]]:
    """Return the lines of `metrics.jsonl` by dictionary."""
    curves = defaultdict(list)
    for line in read_lines(run / "metrics.jsonl"):
        curves[line["name"]].append(line)
    return dict(curves)


def _notes(found: Found, source: Source) -> list[str]:
    """Say what a reader must know beside the numbers."""
    notes = []
    if found.original is None:
        notes.append("the model has no logits, so nothing was put into it")
    if found.counted.documents < 30:
        notes.append(
            f"only {found.counted.documents} documents: the intervals are rough, "
            "raise `held_out_tokens`"
        )
    if isinstance(source, LiveSource):
        notes.append("the training mean and PCA come from the first shard, read on the fly")
    return notes


def _provenance(
    config: TrainConfig, source: Source, settings: Settings, found: Found
) -> dict[str, Any]:
    """Return all that is needed to know what was measured, and to do it again."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": {"unmix": __version__, "torch": torch.__version__},
        "activations": source.fingerprint,
        "identity": dict(source.identity),
        "evaluation": settings._asdict(),
        "lower blocks": "run once for all variants, checked to be bit-equal"
        if found.is_shortcut
        else "run for each variant",
        "training": config.model_dump(mode="json", exclude={"source"}, exclude_none=True),
        "source": source.config.model_dump(mode="json", exclude_none=True),
    }
