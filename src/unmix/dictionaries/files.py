"""A dictionary on disk: `dictionary.safetensors` beside `config.json`, and nothing to execute.

`config.json` is the card: what the dictionary is, and where it came from.  A card of another
schema, or with a field this version does not know, is refused: guessing would give wrong numbers.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from unmix.config import Config, validate
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import KINDS
from unmix.disk import read_json, read_tensors, write_json, write_tensors
from unmix.errors import UserError

SCHEMA = 1
TENSORS, CARD = "dictionary.safetensors", "config.json"


class Card(Config):
    """What a dictionary is, and where it came from."""

    schema_number: Literal[1] = SCHEMA
    """Version of this format."""
    kind: str
    """Which latents may fire: one of `unmix.dictionaries.sparsity.KINDS`."""
    sparsity: dict[str, Any]
    """Arguments of that sparsity."""
    d_in: int
    """Width of the activations it reads."""
    d_out: int
    """Width of the activations it rebuilds."""
    n_latents: int
    """Number of directions."""
    transcoder: bool = False
    """Whether it rebuilds another site than it reads, with a bias of its own."""
    skip: bool = False
    """Whether part of the input is passed straight on."""
    refine: float = 0.0
    """How much of what the first look left is added for a second; 0 is one look."""
    site: str = ""
    """Where the activations it reads are."""
    target: str = ""
    """Where the activations it rebuilds are; empty for the same site."""
    model: str = ""
    """The model, as it was named."""
    source: str = ""
    """Fingerprint of the model, text and settings the activations came from."""
    seed: int = 0
    """Seed of the initial weights and of the order of the data."""
    trained: dict[str, Any] = Field(default_factory=dict)
    """The settings it was trained with, and the last numbers of the run."""
    version: str = ""
    """Version of unmix that wrote it."""

    @property
    def k(self) -> float | None:
        """Latents a token it was trained to keep, where the kind has such a number."""
        return self.sparsity.get("k")


def card_of(dictionary: Dictionary, **about: Any) -> Card:
    """Describe a dictionary; `about` adds where it came from."""
    sparsity = dictionary.sparsity
    return Card(
        kind=sparsity.kind,
        sparsity=sparsity.settings(),
        d_in=dictionary.d_in,
        d_out=dictionary.d_out,
        n_latents=dictionary.n_latents,
        transcoder=dictionary.is_transcoder,
        skip=dictionary.W_skip is not None,
        refine=dictionary.refine,
        **about,
    )


def build(card: Card) -> Dictionary:
    """Return a dictionary of the shape a card describes, its weights not yet set."""
    if card.kind not in KINDS:
        raise UserError(f"there is no kind `{card.kind}`; there are {', '.join(KINDS)}")
    try:
        sparsity = KINDS[card.kind](**card.sparsity)
    except TypeError as error:
        raise UserError(f"the card of this `{card.kind}` dictionary is wrong: {error}") from error
    d_out = card.d_out if card.transcoder else None
    shape = {"d_out": d_out, "skip": card.skip, "refine": card.refine}
    return Dictionary(card.d_in, card.n_latents, sparsity, **shape)


def save(dictionary: Dictionary, folder: Path, card: Card) -> None:
    """Write a dictionary into a folder, which is made if need be."""
    write_tensors(folder / TENSORS, tensors_of(dictionary), about="unmix dictionary")
    write_json(folder / CARD, card.model_dump(mode="json"))


def read_card(folder: Path) -> Card:
    """Read what a dictionary is without reading its weights (and without torch's help)."""
    data = read_json(folder / CARD)
    number = data.get("schema_number")
    if number != SCHEMA:
        raise UserError(
            f"`{folder / CARD}` has schema {number}, this version reads {SCHEMA}; "
            "use the version of unmix named in it"
        )
    return validate(Card, data, where=f"`{folder / CARD}`")


def load(folder: Path) -> Dictionary:
    """Read a dictionary, ready for use (in `eval()`, on raw activations).

    Raises:
        UserError: A file is missing, damaged, of another schema, or the two do not match.
    """
    dictionary = build(read_card(folder))
    set_tensors(dictionary, read_tensors(folder / TENSORS), where=str(folder / TENSORS))
    return dictionary.eval().requires_grad_(False)


def tensors_of(dictionary: Dictionary) -> dict[str, Any]:
    """Return the tensors that make a dictionary, each once."""
    tensors = dictionary.state_dict()
    if not dictionary.is_transcoder:
        del tensors["b_dec"]  # the same tensor as `b_pre`
    return tensors


def set_tensors(dictionary: Dictionary, tensors: dict[str, Any], *, where: str) -> None:
    """Put saved tensors into a dictionary, or say which do not fit."""
    wanted = tensors_of(dictionary)
    if wanted.keys() != tensors.keys():
        odd = ", ".join(sorted(wanted.keys() ^ tensors.keys()))
        raise UserError(f"`{where}` does not match its card: {odd}; write it anew")
    for name, old in wanted.items():
        if old.shape != tensors[name].shape:
            shapes = f"{list(tensors[name].shape)}, its card says {list(old.shape)}"
            raise UserError(f"`{where}`: `{name}` has shape {shapes}; write it anew")
        old.copy_(tensors[name])
