"""Small things to measure: sources, models, tokenizers and runs made on the spot."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import final

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from unmix.activations.config import SourceConfig
from unmix.activations.source import About, Moments, Shard, Source, moments_of, sums
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import KINDS, BatchTopK
from unmix.text.document import Split

WORDS = ("the", "cat", "does", "not", "take", "a", "naïve", "view", "of", "its", "café", "→", "\n")


@final
class Made(Source):
    """Activations given as tensors: `acts[site]` holds all held-out rows, trained on as well."""

    def __init__(
        self,
        acts: Mapping[str, Tensor],
        documents: Tensor,
        *,
        special: Tensor | None = None,
        massive: Tensor | None = None,
        tokens: Tensor | None = None,
        shards: int = 1,
    ) -> None:
        self.acts, self.numbers, self.parts = acts, documents, shards
        none = torch.zeros_like(documents, dtype=torch.bool)
        self.special = none if special is None else special
        self.massive = none.flatten() if massive is None else massive.flatten()
        self.tokens = torch.zeros_like(documents) if tokens is None else tokens

    @property
    def config(self) -> SourceConfig:
        return SourceConfig(sites=tuple(self.acts))

    @property
    def identity(self) -> Mapping[str, object]:
        return {"made": "up"}

    @property
    def sites(self) -> Mapping[str, int]:
        return {name: x.shape[1] for name, x in self.acts.items()}

    def n_shards(self, split: Split) -> int:
        return self.parts

    def shard(self, split: Split, number: int) -> Shard:
        """Return every `parts`-th run of contexts."""
        size = -(-len(self.numbers) // self.parts)
        rows, width = slice(number * size, (number + 1) * size), self.numbers.shape[1]
        flat = slice(number * size * width, (number + 1) * size * width)
        return Shard(
            self.tokens[rows],
            self.numbers[rows],
            torch.zeros_like(self.numbers[rows]),
            self.special[rows],
            {name: x[flat] for name, x in self.acts.items()},
            dict.fromkeys(self.acts, self.massive[flat]),
        )

    def moments(self, site: str) -> Moments:
        parts = [sums(self.shard("train", i), site) for i in range(self.parts)]
        return moments_of(parts, 1.0)

    @property
    def in_sequence(self) -> bool:
        return False

    def about(self, numbers: Iterable[int]) -> list[About]:
        return [About(f"document {n}", "made", {}) for n in numbers]


def llama(*, layers: int = 3, vocabulary: int = 320, seed: int = 1) -> LlamaForCausalLM:
    """Return a Llama of random weights, its layers strong enough to matter."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval().requires_grad_(False)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer with few merges, so that characters are often split."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(WORDS[:6])] * 20, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def model_folder(folder: Path) -> Path:
    """Save a tiny model and its tokenizer as a user would have them."""
    tokenizer = byte_tokenizer()
    llama(vocabulary=len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def text_folder(folder: Path, *, documents: int = 60, seed: int = 0) -> Path:
    """Write documents of random words, each with a preferred one."""
    generator = torch.Generator().manual_seed(seed)
    folder.mkdir(parents=True)
    for i in range(documents):
        drawn = torch.randint(len(WORDS), (80,), generator=generator).tolist()
        words = [WORDS[w] if j % 3 else WORDS[i % len(WORDS)] for j, w in enumerate(drawn)]
        (folder / f"{i:03d}.txt").write_text(" ".join(words), encoding="utf-8")
    return folder


def dictionary(width: int, latents: int, *, kind: str = "topk", seed: int = 0) -> Dictionary:
    """Return a dictionary with random unit directions that reads along them."""
    settings = {"relu": {}, "batch-topk": {"k": 4}}.get(kind, {"k": 4})
    made = Dictionary(width, latents, KINDS[kind](**settings))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        made.W_dec.copy_(torch.randn(latents, width, generator=generator))
        made.W_dec /= made.W_dec.norm(dim=1, keepdim=True)
        made.W_enc.copy_(made.W_dec)
        if isinstance(made.sparsity, BatchTopK):
            made.sparsity.threshold.fill_(0.5)
    return made.eval()
