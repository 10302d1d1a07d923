"""The dictionaries of a run folder, as candidates to be measured."""

from collections.abc import Mapping
from pathlib import Path

from unmix.dictionaries.files import TENSORS, Card, load, read_card
from unmix.disk import file_sha256
from unmix.evaluation.candidates import Candidate, Role, from_dictionary
from unmix.evaluation.controls import FROZEN

ABOUT: dict[Role, str] = {
    "dictionary": "the dictionary that was trained",
    "frozen": "trained beside the first dictionary, its directions kept at their random start",
    "random": "the same kind trained on the same text read by a model of random weights, and "
    "measured there: on other activations than the rest",
}


def coded(run: Path, folders: Mapping[str, Path]) -> list[Candidate]:
    """Return the dictionaries of a run, and the frozen twin after them."""
    made = [candidate_in(folder, name, "dictionary") for name, folder in folders.items()]
    if (run / FROZEN).exists():
        made.append(candidate_in(run / FROZEN, "frozen", "frozen"))
    return made


def candidate_in(folder: Path, name: str, role: Role) -> Candidate:
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
