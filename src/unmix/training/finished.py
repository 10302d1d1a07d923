"""A finished run opened again: its dictionaries, and the model its activations came from."""

from collections.abc import Mapping
from pathlib import Path

from unmix.activations.live import LiveSource
from unmix.activations.source import Source
from unmix.dictionaries.files import CARD, read_card
from unmix.errors import UserError
from unmix.models.load import LanguageModel, load_model


def dictionaries(run: Path) -> dict[str, Path]:
    """Return the folder of each dictionary of a run, by the name it was trained under."""
    top = run / "dictionary"
    if not top.is_dir():
        raise UserError(
            f"`{run}` has no finished dictionary; go on with `unmix train --resume {run}`"
        )
    if (top / CARD).is_file():
        return {str(read_card(top).trained.get("name", "dictionary")): top}
    return {folder.name: folder for folder in sorted(top.iterdir()) if folder.is_dir()}


def check_source(folders: Mapping[str, Path], source: Source) -> None:
    """Refuse activations that are not those the dictionaries were trained on."""
    for name, folder in folders.items():
        card = read_card(folder)
        if card.source != source.fingerprint:
            raise UserError(
                f"`{name}` was trained on other activations ({card.source}) than the run's config "
                f"leads to now ({source.fingerprint}); "
                "put the store or the text back, or train anew"
            )


def model_of(source: Source) -> LanguageModel:
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
