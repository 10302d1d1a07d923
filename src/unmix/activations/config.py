"""The settings that say which activations are read: model, sites, text, tokens."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from unmix.config import Config

Bos = Literal["auto", "context", "document", "none"]
Dtype = Literal["fp16", "bf16", "fp32"]
ModelDtype = Literal["fp16", "bf16", "fp32", "mixed", "auto"]


class SourceConfig(Config):
    """Activations of one model at some of its sites, on one text."""

    model: str = "smollm2-135m"
    """`smollm2-135m` (embedded), a folder, a `.gguf` file, or a Hugging Face id."""
    revision: str | None = None
    """Branch, tag or commit of a Hugging Face model."""
    random_weights: NonNegativeInt | None = None
    """Seed of fresh random weights in place of the model's own: a control."""
    sites: tuple[str, ...] = Field(default=("resid.12",), min_length=1)
    """Where to read, e.g. `resid.12`, `mlp.3`, `heads.5`, or a module path."""
    text: tuple[str, ...] = Field(default=("news", "stdlib"), min_length=1)
    """Sources: `news`, `stdlib`, a file, a folder, or `hub:owner/name[:config][@split]`."""
    weights: tuple[PositiveFloat, ...] | None = None
    """Share of each source, in characters; equal shares if not given."""
    tokens: PositiveInt = 400_000
    """Tokens to train on, special tokens included."""
    held_out_tokens: PositiveInt = 40_000
    """Tokens kept for evaluation, from documents that are never trained on."""
    held_out_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of the documents that is held out, chosen by the hash of their text."""
    context: int = Field(default=256, ge=2)
    """Tokens in one context."""
    bos: Bos = "auto"
    """Where a beginning-of-text token goes; `auto`: before each context, if the model has one."""
    massive: float = Field(default=4.0, gt=1)
    """A token is massive if its norm exceeds this many times the median; it is not trained on."""
    dtype: Dtype = "fp16"
    """Precision in which activations are kept."""
    model_dtype: ModelDtype = "fp32"
    """Precision in which the model runs; `mixed`: bf16 in products of linear layers, else fp32;
    `auto`: `mixed` where the hardware multiplies bf16, else `fp32`."""
    device: str = "auto"
    """Where the model runs; `auto` takes a GPU if there is one."""
    batch: PositiveInt = 16
    """Contexts in one forward pass; a CPU takes fewer at once where that is faster."""
    shard: PositiveInt = 2**15
    """Tokens in one shard."""

    @model_validator(mode="after")
    def _consistent(self) -> "SourceConfig":
        """Refuse settings that contradict each other."""
        if self.weights is not None and len(self.weights) != len(self.text):
            raise ValueError(
                f"`weights` has {len(self.weights)} numbers for {len(self.text)} texts"
            )
        for name, values in (("sites", self.sites), ("text", self.text)):
            if len(set(values)) < len(values):
                raise ValueError(f"`{name}` names one thing twice")
        if self.shard < self.context:
            raise ValueError(f"`shard` = {self.shard} is less than `context` = {self.context}")
        return self
