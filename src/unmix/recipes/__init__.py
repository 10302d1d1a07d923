"""Complete, named runs: `unmix train demo.toml` finds them here."""
