"""A run in, its index out: every act of every latent, and all that follows from them.

RUN/index/           the files that `schema.py` lists; `docs/index-format.md` describes them
RUN/index/NAME/      the same for one of several dictionaries

One pass over the activations writes a part a shard; the parts are then merged.  An index that was
stopped goes on at the first part that is missing, and ends up the same, byte for byte.
"""

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unmix.dictionaries.dictionary import Dictionary
from unmix.errors import UserError
from unmix.index.making import directions, parts, plan
from unmix.index.making.alone import writing_index
from unmix.index.making.collect import part_of
from unmix.index.making.merge import Merged, Progress, Report, merge
from unmix.index.making.parts import Key
from unmix.index.making.subject import Subject, open_subject
from unmix.index.making.tables import facts
from unmix.index.manifest import FILES, Manifest, is_newer, read_manifest, write_manifest
from unmix.models.load import LanguageModel
from unmix.models.memory import spoken
from unmix.training.finished import model_of


def build(
    run: Path,
    *,
    dictionary: str | None = None,
    text: Sequence[str] = (),
    tokens: int | None = None,
    part: tuple[int, int] | None = None,
    umap: bool = False,
    anew: bool = False,
    device: str = "auto",
    report: Report = lambda _: None,
    progress: Progress = lambda *_: None,
    merging: Progress = lambda *_: None,
) -> Path:
    """Index a dictionary of a finished run; return the folder of the index.

    Args:
        run: The run folder.
        dictionary: Which dictionary, where the run has several.
        text: Sources of another text than the run was trained on.
        tokens: Most tokens to index, about.
        part: `(i, n)`: only every n-th shard from the i-th on, i from 1, and no merging.
        umap: Whether to draw a map by UMAP besides the one by PCA.
        anew: Whether to replace a complete index of other activations.
        device: Where to encode: `cpu`, `cuda`, or `auto`.
        report: Is told in words what is being done.
        progress: Is told how far the pass over the activations is.
        merging: Is told how far the merging is, in acts.

    Raises:
        UserError: Something cannot be used, or memory or disk do not suffice.
    """
    if part is not None and not 1 <= part[0] <= part[1]:
        raise UserError(
            f"`--part` is one of several, as 1/2 and 2/2 are of two; {part[0]}/{part[1]} is none"
        )
    if umap:
        directions.need_umap()
    subject = open_subject(run, dictionary=dictionary, text=text, tokens=tokens, report=report)
    with writing_index(subject.out, shared=part is not None):
        if _is_there(subject, umap=umap, anew=anew):
            report(f"`{subject.out}` is complete; nothing to do")
        elif part is None:
            _whole(subject, device, umap=umap, report=report, progress=progress, merging=merging)
        else:
            _part(subject, device, part, report=report, progress=progress)
    return subject.out


def _whole(
    subject: Subject,
    device: str,
    *,
    umap: bool,
    report: Report,
    progress: Progress,
    merging: Progress,
) -> None:
    """Write an index, from the first part that is missing to the manifest."""
    start = time.monotonic()
    missing = _planned(subject, report)
    # Before anything is written: were it another model than it was, all would be in vain.
    model, loaded = model_of(subject.source), subject.dictionary(device)
    write_manifest(_manifest(subject), subject.out)
    _collect(subject, loaded, list(subject.sizes), missing=missing, progress=progress)
    read = time.monotonic() - start
    merged = _merge(subject, loaded, model, umap=umap, report=report, progress=merging)
    seconds = {"reading": read, "merging": time.monotonic() - start - read}
    _finish(subject, merged, umap=umap, seconds=seconds)
    report(_summary(subject, merged, sum(seconds.values())))


def _part(
    subject: Subject, device: str, part: tuple[int, int], *, report: Report, progress: Progress
) -> None:
    """Make the parts that fall to this process."""
    missing, loaded = _planned(subject, report), subject.dictionary(device)
    write_manifest(_manifest(subject), subject.out)
    number, n = part
    mine = [key for i, key in enumerate(subject.sizes) if i % n == number - 1]
    _collect(subject, loaded, mine, missing=missing, progress=progress)
    report(f"{len(mine)} shards are done; without `--part` the parts are put together")


def _is_there(subject: Subject, *, umap: bool, anew: bool) -> bool:
    """Say whether just this index is there; refuse to replace one of other activations."""
    if is_newer(subject.out) and not anew:
        raise UserError(
            f"`{subject.out}` was written by a newer unmix; open it with that one, or replace it "
            "with `unmix index RUN --anew`"
        )
    try:
        found = read_manifest(subject.out)
    except UserError:  # none, not complete, or of another version: there is nothing to lose
        return False
    wanted = _manifest(subject)
    names = ("dictionary_fingerprint", "identity", "site", "n_tokens")
    if all(getattr(found, name) == getattr(wanted, name) for name in names):
        paths = {subject.out / name: facts.bytes for name, facts in found.files.items()}
        whole = all(p.is_file() and p.stat().st_size == size for p, size in paths.items())
        return whole and not anew and (not umap or bool(found.settings.get("umap")))
    if found.dictionary_fingerprint == subject.sha256 and not anew:
        raise UserError(
            f"`{subject.out}` is an index of other activations ({found.n_tokens:,} tokens of "
            f"{', '.join(found.source.get('text', ()))}); replace it with `--anew`, or move it away"
        )
    return False


def _planned(subject: Subject, report: Report) -> dict[Key, int]:
    """Return the shards whose parts are not there yet, if memory and disk suffice for them."""
    missing = {}
    for key, size in subject.sizes.items():
        head = parts.read_header(subject.out, key)
        if head is None or (head.index, head.tokens) != (subject.fingerprint, size):
            missing[key] = size
    plan.check(subject, missing=sum(missing.values()), report=report)
    return missing


def _collect(
    subject: Subject,
    dictionary: Dictionary,
    mine: Sequence[Key],
    *,
    missing: dict[Key, int],
    progress: Progress,
) -> None:
    """Write the parts of some shards that are not there yet."""
    everything = sum(subject.sizes[key] for key in mine)
    todo = [key for key in mine if key in missing]
    done = everything - sum(missing[key] for key in todo)
    progress(done, everything)
    for key in todo:
        shard = subject.source.shard(*key)
        part = part_of(shard, dictionary, subject.card.site)
        numbers = shard.documents.unique().tolist()
        about = dict(zip(numbers, subject.source.about(numbers), strict=True))
        header = parts.Header(index=subject.fingerprint, tokens=missing[key])
        parts.write_part(subject.out, key, part=part, about=about, header=header)
        done += missing[key]
        progress(done, everything)


def _merge(
    subject: Subject,
    dictionary: Dictionary,
    model: LanguageModel,
    *,
    umap: bool,
    report: Report,
    progress: Progress,
) -> Merged:
    """Write every file but the manifest."""
    return merge(
        subject.out,
        list(subject.sizes),
        dictionary=dictionary,
        model=model,
        target=subject.card.target or subject.card.site,
        context=subject.source.config.context,
        umap=umap,
        report=report,
        progress=progress,
    )


def _finish(subject: Subject, merged: Merged, *, umap: bool, seconds: dict[str, float]) -> None:
    """Write the manifest that says that all is there, and clear the parts away."""
    settings = {
        "umap": umap,
        "acts": merged.n_acts,
        "firing_tokens": merged.sampled,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
    complete = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "complete": True,
        "n_tokens": merged.n_tokens,
        "n_eligible": merged.n_eligible,
        "n_documents": merged.n_documents,
        "has_logits": merged.has_logits,
        "settings": settings,
        "files": {f"{name}.parquet": facts(subject.out / f"{name}.parquet") for name in FILES},
    }
    write_manifest(_manifest(subject, **complete), subject.out)
    shutil.rmtree(subject.out / parts.FOLDER)
    for left in subject.out.glob(".*.tmp"):  # of a merge that was killed
        left.unlink()


def _manifest(subject: Subject, **complete: Any) -> Manifest:
    """Return the manifest of an index that is being written, or of one that is complete."""
    card, config = subject.card, subject.source.config
    known: dict[str, Any] = {
        "complete": False,
        "dictionary": subject.folder.relative_to(subject.run).as_posix(),
        "dictionary_fingerprint": subject.sha256,
        "model": config.model,
        "revision": subject.revision,
        "site": card.site,
        "target": card.target,
        "kind": card.kind,
        "k": card.k,
        "n_latents": card.n_latents,
        "context": config.context,
        "n_tokens": subject.n_tokens,
        "n_eligible": 0,
        "n_documents": 0,
        "source": config.model_dump(mode="json", exclude_none=True),
        "identity": dict(subject.source.identity),
    }
    return Manifest(**(known | complete))


def _summary(subject: Subject, merged: Merged, seconds: float) -> str:
    """Say what was written."""
    files = [path for path in subject.out.iterdir() if path.suffix in (".parquet", ".json")]
    size = sum(path.stat().st_size for path in files)
    return (
        f"{merged.n_acts:,} acts of {subject.card.n_latents:,} latents on {merged.n_tokens:,} "
        f"tokens: {spoken(size)} in {seconds:,.0f} s"
    )
