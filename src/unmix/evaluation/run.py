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
from unmix.dictionaries.files import CARD, TENSORS, Card, load, read_card
from unmix.disk import file_sha256, write_text
from unmix.errors import UserError
from unmix.evaluation.candidates import Candidate, Role, from_dictionary
from unmix.evaluation.controls import FROZEN, train_on_random_weights
from unmix.evaluation.examples import Portrait, logit_effects, portraits
from unmix.evaluation.measure import Found, Progress, Settings, measure, rebuild_only
from unmix.evaluation.report import page
from unmix.evaluation.result import Evaluation, Measured, write
from unmix.evaluation.splicing import unembedding
from unmix.models.load import LanguageModel, load_model
from unmix.models.sites import blocks, resolve
from unmix.training.config import TrainConfig
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
    folders = _folders(run)
    progress("opening the activations")
    source = open_source(config, report=progress)
    _check_source(folders, source)
    progress("loading the model")
    model = _model(source)
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


def _folders(run: Path) -> dict[str, Path]:
    """Return the folder of each dictionary of a run, by the name it was trained under."""
    top = run / "dictionary"
    if not top.is_dir():
        raise UserError(
            f"`{run}` has no finished dictionary; go on with `unmix train --resume {run}`"
        )
    if (top / CARD).is_file():
        return {str(read_card(top).trained.get("name", "dictionary")): top}
    return {folder.name: folder for folder in sorted(top.iterdir()) if folder.is_dir()}


def _check_source(folders: Mapping[str, Path], source: Source) -> None:
    """Refuse activations that are not those the dictionaries were trained on."""
    for name, folder in folders.items():
        card = read_card(folder)
        if card.source != source.fingerprint:
            raise UserError(
                f"`{name}` was trained on other activations ({card.source}) than the run's config "
                f"leads to now ({source.fingerprint}); "
                "put the store or the text back, or train anew"
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


def _model(source: Source) -> LanguageModel:
    """Return the model the activations came from, and make sure that it still is that one."""
    if isinstance(source, LiveSource):
        return source.model
    config = source.config
    model = load_model(
        config.model,
        revision=config.revision,
        device=config.device,
        dtype=config.model_dtype,
        random_seed=config.random_weights,
    )
    if model.fingerprint != source.identity["model"]:
        raise UserError(
            f"the model `{config.model}` is not the one the activations were read from "
            f"({model.fingerprint}, then {source.identity['model']}); "
            "put that one back or train anew"
        )
    return model


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
    head = unembedding(model.model)
    site = resolve(model.model, target)
    if head is None or site.side != "output":
        return None
    path, _ = blocks(model.model)
    if site.module.rpartition(".")[0] != path or head.shape[1] != directions.shape[1]:
        return None
    known = head[: len(model.tokenizer)].cpu()  # some are padded beyond the tokens
    return logit_effects(directions.cpu(), known)


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
