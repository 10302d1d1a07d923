"""Tiny random models and a little text, on disk as a user's own would be."""

import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

WIDTH = 32
LAYERS = 2
PROSE = """
the of and a to in is that it was for on with as his they at be this from have or by one had not but
what all were when we there can an your which their said if do will each about how up out them then
she many some so these would other into has more her two like him see time
"""
WORDS = PROSE.split()
SIZES = {"vocab_size": 320, "bos_token_id": 0, "eos_token_id": 1}


def write_llama(folder: Path) -> Path:
    """Write a random Llama of two layers, with its tokenizer."""
    config = LlamaConfig(
        **SIZES,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
    )
    return _write(folder, LlamaForCausalLM, config)


def write_gpt2(folder: Path) -> Path:
    """Write a random GPT-2 of two layers, with its tokenizer."""
    config = GPT2Config(**SIZES, n_embd=WIDTH, n_layer=LAYERS, n_head=4, n_positions=128)
    return _write(folder, GPT2LMHeadModel, config)


def write_neox(folder: Path) -> Path:
    """Write a random GPT-NeoX of two layers, with its tokenizer."""
    config = GPTNeoXConfig(
        **SIZES,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        max_position_embeddings=128,
    )
    return _write(folder, GPTNeoXForCausalLM, config)


def write_text(folder: Path, *, files: int = 40, words: int = 200) -> Path:
    """Write a folder of plain text files of made-up prose."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(0)
    for number in range(files):
        lines = [" ".join(chance.choices(WORDS, k=10)) for _ in range(words // 10)]
        (folder / f"{number:02d}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a small byte-level tokenizer with a beginning-of-text token."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=SIZES["vocab_size"],
        special_tokens=["<s>", "</s>"],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    made.train_from_iterator([" ".join(WORDS)] * 4, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


def _write(folder: Path, kind: type, config: object) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = kind(config)
        for weight in model.parameters():  # livelier than a fresh model: layers must differ
            weight.data.add_(torch.randn_like(weight) * 0.1)
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder
