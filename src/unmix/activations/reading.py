"""The contexts a config asks for, in order, with the names of their documents.

What lies between text and model: which documents are on which side of the split, how many contexts
are wanted of each, and what to say when the text does not suffice.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import final

from unmix.activations.config import SourceConfig
from unmix.activations.source import About
from unmix.errors import UserError
from unmix.text.document import Corpus, Document, Split, one_side
from unmix.text.sources import mix, text_fingerprint
from unmix.text.tokens import Context, Tokenizer, bos_policy, contexts

SPLITS: tuple[Split, Split] = ("train", "held_out")
ASKED = {"train": "tokens", "held_out": "held_out_tokens"}
SIDE = {"train": "training", "held_out": "held-out"}

FORESEEN = 2**21
"""Tokens of text that are counted before anything runs, to say early that they do not suffice."""


def per_shard(config: SourceConfig) -> int:
    """Return the number of contexts in a full shard."""
    return config.shard // config.context


def n_contexts(config: SourceConfig, split: Split) -> int:
    """Return the number of contexts on one side of the split: its tokens, rounded up."""
    return -(-getattr(config, ASKED[split]) // config.context)


def n_shards(config: SourceConfig, split: Split) -> int:
    """Return the number of shards on one side of the split; the last may be short."""
    return -(-n_contexts(config, split) // per_shard(config))


def shard_tokens(config: SourceConfig, split: Split, number: int) -> int:
    """Return the number of tokens in a shard."""
    size = per_shard(config)
    return min(size, n_contexts(config, split) - number * size) * config.context


@final
class Reading:
    """Goes through the text of a config, shard by shard, on both sides of the split.

    Raises:
        UserError: There is plainly too little text, or no token for the `bos` asked for.
    """

    def __init__(
        self, config: SourceConfig, tokenizer: Tokenizer, corpora: Sequence[Corpus]
    ) -> None:
        self.config = config
        self.bos = bos_policy(config.bos, tokenizer)
        self._tokenizer = tokenizer
        self._corpora = corpora
        self._seen: dict[int, About] = {}
        self._under_way: dict[Split, tuple[int, Iterator[Context]]] = {}
        for split in SPLITS:
            self._foresee(split)

    @property
    def fingerprint(self) -> str:
        """Changes whenever the documents or their order do."""
        return text_fingerprint(self._corpora, self.config.weights)

    def about(self, numbers: Iterable[int]) -> list[About]:
        """Return what is known of documents that were passed."""
        return [self._seen[number] for number in numbers]

    def contexts(self, split: Split, number: int) -> list[Context]:
        """Return the contexts of a shard, going on from the shard before where possible.

        Raises:
            UserError: The text ends before.
        """
        size = per_shard(self.config)
        wanted = shard_tokens(self.config, split, number) // self.config.context
        reached, stream = self._under_way.pop(split, (0, None))
        if stream is None or reached > number:
            reached, stream = 0, self._stream(split)
        skipped = sum(1 for _ in islice(stream, (number - reached) * size))
        found = list(islice(stream, wanted))
        if len(found) < wanted:
            raise self._too_little(split, reached * size + skipped + len(found))
        self._under_way[split] = number + 1, stream
        return found

    def available(self, split: Split, *, most: int) -> int:
        """Count the contexts there are on one side of the split, up to `most`."""
        return sum(1 for _ in islice(self._stream(split), most))

    def _stream(self, split: Split) -> Iterator[Context]:
        """Yield the contexts of one side of the split from the first on."""
        numbered = self._numbered(split)
        return contexts(numbered, self._tokenizer, context=self.config.context, bos=self.bos)

    def _numbered(self, split: Split) -> Iterator[tuple[int, Document]]:
        """Yield the documents of one side with their numbers, remembering what they are called.

        Each side is mixed by itself, so both keep to the shares.  Training documents have even
        numbers and held-out ones odd.
        """
        share, odd = self.config.held_out_share, int(split == "held_out")
        sides = [one_side(corpus, split, share) for corpus in self._corpora]
        for i, document in enumerate(mix(sides, self.config.weights)):
            number = 2 * i + odd
            self._seen[number] = About(document.name, document.source, document.metadata)
            yield number, document

    def _foresee(self, split: Split) -> None:
        """Refuse a text that is plainly too short, before the model runs."""
        wanted = n_contexts(self.config, split)
        looked = min(wanted, max(1, FORESEEN // self.config.context))
        found = self.available(split, most=looked)
        if found < looked:
            raise self._too_little(split, found)

    def _too_little(self, split: Split, found: int) -> UserError:
        """Say by how much the text is too short."""
        text = ", ".join(f"`{spec}`" for spec in self.config.text)
        if all(next(self._numbered(side), None) is None for side in SPLITS):
            return UserError(f"the text {text} is empty; choose another")
        if not found:
            return UserError(
                f"the {SIDE[split]} documents of {text} do not fill one context of"
                f" {self.config.context} tokens; add documents, lower `context`, or change"
                f" `held_out_share = {self.config.held_out_share}`"
            )
        has, asked = found * self.config.context, getattr(self.config, ASKED[split])
        return UserError(
            f"the text {text} ends after {has} {SIDE[split]} tokens and `{ASKED[split]}` asks for"
            f" {asked}; set `{ASKED[split]} = {has}` or add text"
        )
