"""The columns of an index: one list for who writes, who reads, the server and the page.

    RUN/index/
      manifest.json        what was indexed, by what, and the fingerprint of every file
      codes.parquet        every act: latent, position, value; sorted by latent, then position
      latents.parquet      a row a latent: `LATENTS`
      logits.parquet       what a latent's direction writes: latent, side, rank, token, logit
      logit_counts.parquet a row a latent: the histogram of those effects over the vocabulary
      neighbours.parquet   the nearest of each latent: latent, kind, rank, other, score, together
      strongest.parquet    at each position the latents that fired most, strongest first
      tokens.parquet       a row a position: token, document, offset, special, massive
      documents.parquet    a row a document: its name, source, split, metadata
      vocabulary.parquet   a row a token id: the bytes it stands for

A *position* is the number of a token among all that were indexed: training documents first, then
held-out ones, context by context.  Position `p` is token `p % context` of context `p // context`.
Acts are written for positions that are neither special nor of massive norm; those two are marked in
`tokens` and counted a latent in `latents`.  Density, statistics and examples are about the others.
"""

from typing import Literal, NamedTuple

Type = Literal["int32", "int64", "float32", "float64", "string"]

SCHEMA = 1
"""Version of this format."""
EFFECTS = 16
"""Tokens kept on each side of a latent's effect on the logits."""
LOGIT_BINS = 40
"""Bins in the histogram of a latent's effects on all logits."""
NEIGHBOURS = 12
"""Neighbours kept of each kind."""
STRONGEST = 8
"""Latents kept at each position in `strongest`."""


class Column(NamedTuple):
    """A number, or a text, that is known of every latent."""

    name: str
    type: Type
    label: str
    """What a reader calls it, in two or three words."""
    unit: str
    """Empty for a plain number; `share`, `act`, `bits`, `tokens`, `cosine`, ... else."""
    about: str
    """One sentence: how it is counted, and from what."""


LATENTS: tuple[Column, ...] = (
    Column("latent", "int32", "latent", "", "Number of the latent in its dictionary."),
    Column("first_row", "int64", "first row", "", "Row of `codes` where the latent's acts begin."),
    Column("n_fired", "int64", "times it fired", "tokens", "Eligible tokens it fired on."),
    Column("n_documents", "int32", "documents", "documents", "Documents it fired in."),
    Column("n_special", "int64", "on special tokens", "tokens", "Special tokens it fired on."),
    Column(
        "n_massive",
        "int64",
        "on massive tokens",
        "tokens",
        "Massive tokens, not special, it fired on.",
    ),
    Column("density", "float64", "density", "share", "Share of eligible tokens it fired on."),
    Column(
        "density_low",
        "float64",
        "density, low",
        "share",
        "Lower end of its 95 % interval, by document.",
    ),
    Column(
        "density_high",
        "float64",
        "density, high",
        "share",
        "Upper end of its 95 % interval, by document.",
    ),
    Column("largest", "float32", "largest act", "act", "Act of the largest magnitude."),
    Column("mean", "float32", "mean act", "act", "Mean of its acts where it fired."),
    Column(
        "std", "float32", "spread of acts", "act", "Standard deviation of its acts where it fired."
    ),
    Column("skew", "float32", "skew of acts", "", "Third standardised moment of its acts."),
    Column("kurtosis", "float32", "kurtosis of acts", "", "Fourth standardised moment, less 3."),
    Column("q10", "float32", "act, 10 %", "act", "A tenth of its acts are below."),
    Column("q50", "float32", "median act", "act", "Half of its acts are below."),
    Column("q90", "float32", "act, 90 %", "act", "Nine tenths of its acts are below."),
    Column("q99", "float32", "act, 99 %", "act", "All but one in a hundred of its acts are below."),
    Column(
        "position_bias",
        "float32",
        "position bias",
        "",
        "Mean place in the context where it fired, over that of all tokens, less 1.",
    ),
    Column(
        "share_first",
        "float32",
        "share on first tokens",
        "share",
        "Share of its firings, special and massive tokens included, on a context's first token.",
    ),
    Column(
        "burstiness",
        "float32",
        "burstiness",
        "",
        "Share of its firings with another in the 16 tokens before, in the same document, "
        "less what its density there would give by chance.",
    ),
    Column(
        "token_entropy", "float32", "token entropy", "bits", "Entropy of the tokens it fires on."
    ),
    Column(
        "top_token", "int32", "top token", "token", "Token it fires on most often; -1 for none."
    ),
    Column(
        "top_token_share",
        "float32",
        "top token's share",
        "share",
        "Share of its firings on that token.",
    ),
    Column("norm", "float32", "norm of direction", "", "Length of its decoder row."),
    Column(
        "encoder_cosine",
        "float32",
        "reads what it writes",
        "cosine",
        "Cosine of encoder and decoder row.",
    ),
    Column(
        "energy",
        "float32",
        "share of what is rebuilt",
        "share",
        "Sum of squared act times squared norm, over that of all latents.",
    ),
    Column(
        "logit_std", "float32", "spread of logits", "", "Standard deviation of its logit effects."
    ),
    Column(
        "logit_skew",
        "float32",
        "skew of logits",
        "",
        "Third standardised moment of its logit effects.",
    ),
    Column(
        "logit_kurtosis", "float32", "kurtosis of logits", "", "Fourth standardised moment, less 3."
    ),
    Column(
        "nearest_direction",
        "float32",
        "nearest direction",
        "cosine",
        "Largest cosine with another direction.",
    ),
    Column(
        "nearest_firing",
        "float32",
        "nearest in firing",
        "share",
        "Largest Jaccard index with another latent, on a sample of contexts.",
    ),
    Column("x", "float32", "map, across", "", "First coordinate on the map of directions (PCA)."),
    Column("y", "float32", "map, up", "", "Second coordinate on the map of directions (PCA)."),
    Column("umap_x", "float32", "UMAP, across", "", "First coordinate by UMAP; NaN without it."),
    Column("umap_y", "float32", "UMAP, up", "", "Second coordinate by UMAP; NaN without it."),
    Column(
        "rule_kind",
        "string",
        "kind of rule",
        "",
        "`tokens` (the token is one of a set), `after` (the token before is), `pair` (both); empty "
        "for none.",
    ),
    Column(
        "rule",
        "string",
        "rule",
        "",
        "JSON: the token ids of the rule, `[[before, token], ...]`, `before` in the same context; "
        "null stands for any.",
    ),
    Column("label", "string", "label", "", "The rule in words."),
    Column(
        "rule_precision",
        "float32",
        "rule's precision",
        "share",
        "On documents the rule was not made from: share of its predictions where the latent fired.",
    ),
    Column(
        "rule_recall",
        "float32",
        "rule's recall",
        "share",
        "On those documents: share of firings that the rule predicts.",
    ),
    Column("rule_f1", "float32", "rule's F1", "", "Harmonic mean of the two."),
    Column(
        "rule_low", "float32", "rule's F1, low", "", "Lower end of its 95 % interval, by document."
    ),
    Column(
        "rule_high",
        "float32",
        "rule's F1, high",
        "",
        "Upper end of its 95 % interval, by document.",
    ),
)
"""What `latents.parquet` holds.  NaN where a latent never fired."""

CODES = {"latent": "int32", "position": "int32", "value": "float32"}
LOGITS = {"latent": "int32", "side": "int8", "rank": "int16", "token": "int32", "logit": "float32"}
"""`side` is 1 for tokens written for, -1 for tokens written against."""
LOGIT_COUNTS = {"low": "float32", "high": "float32", "counts": "list<int32>"}
"""`LOGIT_BINS` bins of equal width from `low` to `high`, the least and the largest effect."""
NEIGHBOUR = {
    "latent": "int32",
    "kind": "string",
    "rank": "int16",
    "other": "int32",
    "score": "float32",
    "together": "float32",
}
"""`kind` is `direction` (score: cosine) or `firing` (score: Jaccard index of the tokens they fire
on); `together` is the share of the latent's firings on which the other fires, too."""
STRONGEST_COLUMNS = {"latents": "list<int32>", "values": "list<float32>"}
"""Fixed lists of `STRONGEST`; -1 and 0 where fewer fired."""
TOKENS = {
    "token": "int32",
    "document": "int32",
    "offset": "int32",
    "special": "bool",
    "massive": "bool",
}
"""`document` is a row of `documents`; `offset` the place in it, -1 for a token that was put in."""
DOCUMENTS = {
    "document": "int32",
    "name": "string",
    "source": "string",
    "split": "string",
    "metadata": "string",
    "first": "int32",
    "tokens": "int32",
}
"""`split` is `train` or `held_out`; `metadata` a JSON object; `first` the first position of the
document and `tokens` how many of its tokens were indexed."""
VOCABULARY = {"token": "int32", "bytes": "binary", "count": "int64"}
"""`count`: how often the token occurs at eligible positions."""
