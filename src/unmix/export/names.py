"""Other libraries' names for places in a model."""

HOOKS = {"resid": "hook_resid_post", "mlp": "hook_mlp_out", "attn": "hook_attn_out"}
"""TransformerLens' names for what our short names of sites lead to."""


def hook(site: str) -> str:
    """Return TransformerLens' name of a site, or the site itself where it has none."""
    kind, _, layer = site.partition(".")
    return f"blocks.{layer}.{HOOKS[kind]}" if kind in HOOKS and layer.isdecimal() else site


def layer(site: str) -> int:
    """Return the number of the block a site is in; the first number in its name, or 0."""
    numbers = [part for part in site.replace(":", ".").split(".") if part.isdecimal()]
    return int(numbers[0]) if numbers else 0
