"""What one training step of other libraries costs, beside unmix's, in encoder products.

    PYTHONPATH=src PEERS/bin/python benchmarks/peer_step.py [--latents 4608 18432] [--json]

Runs in the peers' environment, where unmix, too, is imported from here.  For each peer three things
take turns in one process, on the same batches: the encoder's product `U` into memory that is there,
unmix's step for the same kind of dictionary, and the peer's step, by its own trainer, with all
that belongs to it: optimiser, clipping, unit rows, counting what fired.

Latents take longer to count as dead than these runs last, so AuxK plays no part.  unmix's `relu`
has 32 latents a token; the cost of the peers' L1 does not depend on how many fire.
"""

import argparse
import io
import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from itertools import count

os.environ |= {"WANDB_MODE": "disabled", "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}

import torch
from activations import superposed
from stepwise import Loop, StandIn
from timing import interleave, ratio, show
from torch import Tensor

from unmix.dictionaries.scaling import identity
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length

K = 32
BATCHES = 8
CONTEXTS = 16
"""Contexts in which sparsify is given a batch."""
LONG = 10**6
"""Steps that a trainer believes it will take."""

Step = Callable[[], object]
Batches = tuple[Tensor, ...]


def main() -> None:
    """Time what was asked for."""
    options = parsed()
    batches = superposed(BATCHES * options.batch, options.width).split(options.batch)
    for m in options.latents:
        for peer in options.only:
            compare(peer, m, batches, options)


def compare(peer: str, m: int, batches: Batches, options: argparse.Namespace) -> None:
    """Time a peer's step, unmix's and the product in turns."""
    kind, make = CASES[peer]
    x = batches[0]
    out, W = torch.empty(len(x), m), torch.randn(m, x.shape[1])
    ours = unmix(kind, m, batches)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # notices and bars
        theirs = make(m, batches)
    cases = {"U": lambda: torch.mm(x, W.T, out=out), "unmix": ours, "peer": theirs}
    seconds = interleave(cases, repeat=options.repeat, warm=options.warm)
    rows = [
        ratio(f"{peer} m={m}", seconds["peer"], seconds["U"], "U"),
        ratio(f"unmix {kind} m={m}, beside {peer}", seconds["unmix"], seconds["U"], "U"),
        ratio(f"{peer} / unmix m={m}", seconds["peer"], seconds["unmix"], "x"),
    ]
    show(rows, as_json=options.json)


def unmix(kind: str, m: int, batches: Batches) -> Step:
    """Return unmix's step, `Learner.step`, with `relu` at about `K` latents a token."""
    n, d = batches[0].shape
    config = DictionaryConfig.model_validate({"kind": kind, "latents": m, "k": K})
    length = Length(LONG, n, warm_up=0.05, decay=0.2)
    learner = Learner(config, identity(d), target=None, length=length)
    if kind == "relu":
        few = batches[0][:256]
        with torch.no_grad():
            scores = (few @ learner.dictionary.W_enc.T).flatten()
            learner.dictionary.b_enc.fill_(-scores.topk(K * len(few)).values[-1])
    numbers = count(1)

    def step() -> None:
        number = next(numbers)
        batch = batches[number % len(batches)]
        learner.step(batch, batch, number)

    return step


def saelens(kind: str, m: int, batches: Batches) -> Step:
    """Return SAELens' step, `SAETrainer.step`."""
    import sae_lens

    config_of = {
        "topk": partial(sae_lens.TopKTrainingSAEConfig, k=K),
        "batch-topk": partial(sae_lens.BatchTopKTrainingSAEConfig, k=K),
        "l1": sae_lens.StandardTrainingSAEConfig,
    }
    batch, d = batches[0].shape
    config = sae_lens.LanguageModelSAERunnerConfig(
        sae=config_of[kind](d_in=d, d_sae=m),
        training_tokens=LONG * batch,
        train_batch_size_tokens=batch,
        n_batches_in_buffer=2 * batch,  # unused here, but its check wants it large enough
        checkpoint_path=None,
        logger=sae_lens.LoggingConfig(log_to_wandb=False),
        verbose=False,
    )
    sae = sae_lens.TrainingSAE.from_dict(config.sae.to_dict())
    trainer = sae_lens.SAETrainer(config.to_sae_trainer_config(), sae, iter(()))

    def step() -> None:
        trainer.step(batches[trainer.n_training_steps % len(batches)])
        trainer.n_training_steps += 1

    return step


def dictionary_learning(kind: str, m: int, batches: Batches) -> Step:
    """Return dictionary_learning's step, `update` of its trainers."""
    from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
    from dictionary_learning.trainers.standard import StandardTrainer
    from dictionary_learning.trainers.top_k import TopKTrainer

    trainer_of = {
        "topk": partial(TopKTrainer, k=K),
        "batch-topk": partial(BatchTopKTrainer, k=K),
        "l1": StandardTrainer,
    }
    sizes = {"activation_dim": batches[0].shape[1], "dict_size": m, "steps": LONG}
    trainer = trainer_of[kind](**sizes, layer=0, lm_name="none", device="cpu")
    numbers = count()

    def step() -> None:
        number = next(numbers)
        trainer.update(number, batches[number % len(batches)])

    return step


def sparsify(optimizer: str, m: int, batches: Batches) -> Step:
    """Return sparsify's step: a turn of the loop in `Trainer.fit`, on a stand-in for a model."""
    from sparsify import SparseCoderConfig, TrainConfig, Trainer

    loop = Loop()
    config = TrainConfig(
        SparseCoderConfig(num_latents=m, k=K),
        batch_size=CONTEXTS,
        hookpoints=["site"],
        optimizer=optimizer,  # type: ignore[arg-type]
        log_to_wandb=False,
    )
    ids = torch.zeros(len(batches[0]) // CONTEXTS, dtype=torch.long)
    dataset = [{"input_ids": ids}] * (1000 * CONTEXTS)  # it saves only then, or at its end
    trainer = Trainer(config, dataset, StandIn(batches, loop))  # type: ignore[arg-type]
    loop.begin(trainer.fit)
    theirs, ours = torch.get_float32_matmul_precision(), "highest"
    torch.set_float32_matmul_precision(ours)  # `fit` set its own, for all in this process

    def step() -> None:
        torch.set_float32_matmul_precision(theirs)
        loop.turn()
        torch.set_float32_matmul_precision(ours)

    return step


CASES: dict[str, tuple[str, Callable[[int, Batches], Step]]] = {
    "SAELens topk": ("topk", partial(saelens, "topk")),
    "SAELens batch-topk": ("batch-topk", partial(saelens, "batch-topk")),
    "SAELens l1": ("relu", partial(saelens, "l1")),
    "dictionary_learning topk": ("topk", partial(dictionary_learning, "topk")),
    "dictionary_learning batch-topk": ("batch-topk", partial(dictionary_learning, "batch-topk")),
    "dictionary_learning l1": ("relu", partial(dictionary_learning, "l1")),
    "sparsify adam": ("topk", partial(sparsify, "adam")),
    "sparsify signum": ("topk", partial(sparsify, "signum")),
}
"""The kind that unmix trains beside each, and what makes the peer's step."""


def parsed() -> argparse.Namespace:
    """Read the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latents", type=int, nargs="+", default=[4608, 18432])
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=CASES, metavar="PEER")
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--width", type=int, default=576)
    parser.add_argument("--repeat", type=int, default=7, help="rounds that are counted")
    parser.add_argument("--warm", type=int, default=2, help="rounds before those")
    parser.add_argument("--json", action="store_true", help="a line of JSON a number")
    return parser.parse_args()


if __name__ == "__main__":
    main()
