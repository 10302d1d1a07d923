"""How fast activations are read from a model, against its own matrix products.

    python benchmarks/harvest.py [--json] [--model NAME] [--site resid.12] [--profile]

All cases run in turns in one process, on the same text:

    products         the products of the linear layers up to the site, `torch.mm` into outputs that
                     are there already: what the model would take if it did nothing else
    packed products  the same from packed weights, as the model itself computes them here
    harvest          `LiveSource.shard`: text, tokens, the forward pass, the copy to fp16
    transformers     the model as transformers loads it, stopped at the same site

With `--peers` two more take turns, each in a process of the peers' environment: SAELens' store of
activations, which stops at the site, too, and the model run to its end under a hook, which is how
sparsify reads.  Ratios are taken round by round.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import transformers
import tyro
from quality.peers import environment
from timing import Row, interleave, rate, ratio, row, show
from torch import Tensor, nn

from unmix.activations.config import SourceConfig
from unmix.activations.live import PASS, LiveSource
from unmix.models.linear import can_pack, linear_layers
from unmix.models.load import LanguageModel, wrap
from unmix.models.sites import read, resolve


class Settings(NamedTuple):
    """What is timed."""

    json: bool = False
    """Print a line of JSON for each number."""
    model: str = "smollm2-135m"
    """As `unmix harvest --model`."""
    site: str = "resid.12"
    """As `unmix harvest --sites`."""
    text: str = "stdlib"
    """As `unmix harvest --text`."""
    tokens: int = 4096
    """Tokens in each call."""
    repeat: int = 7
    """Rounds."""
    profile: bool = False
    """Say where the time goes, op by op, in place of the table."""
    peers: bool = False
    """Let other libraries take turns, too."""
    environment: Path = Path("runs/quality/peers")
    """The peers' virtual environment; made if it is not there."""


PEERS = ("SAELens", "sparsify")
Turn = Callable[[], object]


def main() -> None:
    """Time everything and print it."""
    settings = tyro.cli(Settings)
    plain = source(settings, "fp32")
    if settings.profile:
        print(profile(plain, settings))
        return
    mixed = source(settings, "mixed")
    bare = unmodified(plain.model)
    with ExitStack() as stack:
        cases = ours(plain, mixed, bare, settings)
        if settings.peers:
            cases |= {
                name: stack.enter_context(peer(name, bare, plain, settings)) for name in PEERS
            }
        seconds = interleave(cases, repeat=settings.repeat)
    rows = table(settings, seconds) + changes(plain, mixed, bare, settings.site)
    show(rows, as_json=settings.json)


def ours(
    plain: LiveSource, mixed: LiveSource, bare: LanguageModel, settings: Settings
) -> dict[str, Turn]:
    """Return what is timed in this process."""
    tokens = plain.shard("train", 0).tokens
    layers = used(bare.model, settings.site)
    place = {"x": resolve(bare.model, settings.site)}
    cases: dict[str, Turn] = {
        "products": products(layers, settings.tokens),
        "harvest": shards(plain),
        "mixed": shards(mixed),
        "transformers": lambda: read(bare.model, place, tokens),
    }
    if can_pack():
        cases["packed products"] = products(layers, settings.tokens, packed=True)
    return cases


@contextmanager
def peer(
    library: str, bare: LanguageModel, plain: LiveSource, settings: Settings
) -> Iterator[Turn]:
    """Start a peer's process; yield what lets it take one turn."""
    script = Path(__file__).with_name("harvest_peer.py")
    python = environment(settings.environment, lambda text: print(text, file=sys.stderr))
    with tempfile.TemporaryDirectory() as folder:
        tokens, job = Path(folder) / "tokens.npy", Path(folder) / "job.json"
        np.save(tokens, plain.shard("train", 0).tokens.numpy())
        model, module = (
            str(bare.model.config.name_or_path),
            resolve(bare.model, settings.site).module,
        )
        told = {"library": library, "model": model, "module": module, "tokens": str(tokens)}
        job.write_text(json.dumps(told))
        pipe = subprocess.PIPE
        keep = os.environ | {"PYTHONPATH": ""}
        command = [str(python), str(script), str(job)]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=keep) as process:
            yield lambda: turn(process, library)
            process.communicate()


def turn(process: subprocess.Popen[str], library: str) -> None:
    """Let a peer take one turn."""
    assert process.stdin is not None
    assert process.stdout is not None
    print(file=process.stdin, flush=True)
    for line in process.stdout:
        if line == "done\n":
            return
    sys.exit(f"{library} ended; its last words are above")


def table(settings: Settings, seconds: dict[str, list[float]]) -> list[Row]:
    """Return the rates, and the ratios between them."""
    names = {"harvest": "fp32", "mixed": "mixed"}
    rows = []
    for name, values in seconds.items():
        said = f"harvest {settings.site} {names[name]}" if name in names else name
        rows.append(rate(said, values, settings.tokens, "tokens/s"))
    for name, precision in names.items():
        for other in ("products", "packed products", "transformers", *PEERS):
            if other in seconds:
                said = f"harvest {precision} / {other}"
                rows.append(ratio(said, seconds[other], seconds[name]))
    return rows


def changes(plain: LiveSource, mixed: LiveSource, bare: LanguageModel, site: str) -> list[Row]:
    """Return how far activations are from those of the unmodified model in float32, by token.

    Tokens that are special or of massive norm are counted apart; low and high are the extremes.
    """
    shard = plain.shard("train", 0)
    massive = shard.massive[site] | shard.special.flatten()
    right = carried(bare.model, site, shard.tokens)
    rows = []
    for name, source in (("fp32", plain), ("mixed", mixed)):
        found = carried(source.model.model, site, shard.tokens)
        error = (found - right).norm(dim=1) / right.norm(dim=1)
        cosine = nn.functional.cosine_similarity(found.double(), right.double())
        said = f"change {name} {site}"
        rows.append(row(f"{said}, a token", error[~massive].tolist(), "relative"))
        rows.append(row(f"{said}, cosine of a token", cosine[~massive].tolist(), ""))
        if massive.any():
            rows.append(row(f"{said}, a massive token", error[massive].tolist(), "relative"))
    return rows


def carried(model: nn.Module, site: str, tokens: Tensor) -> Tensor:
    """Return what a site carries, a row a token, in float32."""
    place = {"x": resolve(model, site)}
    parts = [read(model, place, part)["x"].float() for part in tokens.split(4)]
    return torch.cat(parts).flatten(0, 1).cpu()


def source(settings: Settings, dtype: str) -> LiveSource:
    """Open the model and the text."""
    data = {"model": settings.model, "sites": [settings.site], "text": [settings.text]}
    shards = 2 * (settings.repeat + 2)
    data |= {"model_dtype": dtype, "shard": settings.tokens, "tokens": shards * settings.tokens}
    return LiveSource(SourceConfig.model_validate(data | {"held_out_tokens": settings.tokens}))


def unmodified(model: LanguageModel) -> LanguageModel:
    """Load a model as transformers does, and change nothing."""
    place = model.model.config.name_or_path
    loaded = transformers.AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32)
    return wrap(loaded.to(model.device), model.tokenizer, name=model.name)


def used(model: nn.Module, site: str) -> list[nn.Module]:
    """Return the linear layers that run before a site is reached."""
    ran: list[nn.Module] = []
    layers = linear_layers(model)
    hooks = [m.register_forward_hook(lambda m, _a, _o: ran.append(m)) for m in layers]
    carried(model, site, torch.zeros(1, 2, dtype=torch.int64))
    for hook in hooks:
        hook.remove()
    return ran


def products(layers: list[nn.Module], tokens: int, *, packed: bool = False) -> Turn:
    """Return what multiplies with the weights of all layers, in passes as a harvest makes them."""
    rows = min(PASS, tokens) if layers[0].weight.device.type == "cpu" else tokens
    pairs = []
    places: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
    for layer in layers:
        matrix = layer.weight.T if isinstance(layer, nn.Linear) else layer.weight
        inner, outer = matrix.shape
        given = torch.randn(rows, inner, device=matrix.device)
        place = places.setdefault((inner, outer), (given, given.new_empty(rows, outer)))
        if packed:
            matrix = torch.ops.mkldnn._reorder_linear_weight(matrix.T.contiguous())
        pairs.append((matrix, *place))

    def run() -> None:
        for _ in range(tokens // rows):
            for matrix, given, out in pairs:
                if packed:
                    torch.ops.mkldnn._linear_pointwise(given, matrix, None, "none", [], "")
                else:
                    torch.mm(given, matrix, out=out)

    return run


def shards(source: LiveSource) -> Turn:
    """Return what reads one more shard at each call."""
    numbers = count(1)
    return lambda: source.shard("train", next(numbers))


def profile(source: LiveSource, settings: Settings) -> str:
    """Return where the time of a harvest goes, op by op."""
    step = shards(source)
    step()
    with torch.profiler.profile() as found:
        for _ in range(2):
            step()
    averages = found.key_averages()
    return averages.table(sort_by="self_cpu_time_total", row_limit=20, max_name_column_width=48)


if __name__ == "__main__":
    main()
