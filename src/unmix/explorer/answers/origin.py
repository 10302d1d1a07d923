"""What an index was made from, in the reader's words."""

from collections.abc import Callable
from typing import Any

from unmix.index.manifest import Manifest

BOS = {
    "none": "no beginning-of-text token",
    "context": "each begins with the beginning-of-text token",
    "document": "each document begins with the beginning-of-text token",
}
"""What each treatment of the beginning-of-text token means."""


def origin(manifest: Manifest) -> dict[str, str]:
    """Return what an index was made from; of what the manifest does not know nothing is said."""
    known = manifest.identity | manifest.settings
    said = {
        "dictionary": f"{manifest.dictionary}, {_print(manifest.dictionary_fingerprint[:16])}",
        "model": _listed(manifest.model, manifest.revision, _print(known.get("model"))),
        "tokenizer": _print(known.get("tokenizer")),
        "text": _listed(_text(manifest.source), _print(known.get("text"))),
        "index": f"{_print(manifest.fingerprint)}, format {manifest.schema_number}",
        "made": f"{manifest.created} by unmix {manifest.version}",
    }
    said["contexts"] = _listed(f"{manifest.context:,} tokens", BOS.get(str(known.get("bos")), ""))
    said |= {name: say(known[key]) for key, (name, say) in SETTINGS.items() if key in known}
    return {name: text for name, text in said.items() if text}


def _print(fingerprint: object) -> str:
    return f"fingerprint {fingerprint}" if fingerprint else ""


def _listed(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _text(source: dict[str, Any]) -> str:
    """Name the sources of the text, and how much of each there is where they were weighted."""
    names = source.get("text", ())
    weights = source.get("weights") or ()
    if len(weights) != len(names):
        return ", ".join(names)
    return ", ".join(f"{name} (weight {w:g})" for name, w in zip(names, weights, strict=True))


def _sites(sites: dict[str, str]) -> str:
    return ", ".join(f"{name} ({module})" for name, module in sites.items())


def _seconds(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:,.0f} s" for name, value in seconds.items())


SETTINGS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "sites": ("sites of the model", _sites),
    "held_out_share": ("held out", lambda share: f"{share:.3g} of the documents"),
    "massive": ("massive tokens", lambda factor: f"those above {factor:g} times the median norm"),
    "dtype": ("activations", lambda dtype: f"read as {dtype}"),
    "model_dtype": ("precision of the model", str),
    "shard": ("shards", lambda tokens: f"{tokens:,} tokens each"),
    "acts": ("acts", lambda acts: f"{acts:,}"),
    "firing_tokens": ("firing together", lambda tokens: f"counted on {tokens:,} tokens"),
    "umap": ("map by UMAP", lambda is_there: "yes" if is_there else "no"),
    "seconds": ("time taken", _seconds),
}
"""What else is known of an index: a name, and how its value is said."""
