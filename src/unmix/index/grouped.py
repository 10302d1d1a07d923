"""Tables with several rows a latent, held in memory."""

from typing import final

import numpy as np
import pyarrow as pa


@final
class Grouped:
    """A table sorted by latent, whose rows of one latent are found at once."""

    def __init__(self, table: pa.Table, n_latents: int) -> None:
        latents = table["latent"].to_numpy()
        self._starts = np.searchsorted(latents, np.arange(n_latents + 1))
        self._columns = {name: table[name].to_numpy() for name in table.column_names}

    def of(self, latent: int) -> dict[str, np.ndarray]:
        """Return the rows of a latent, by column."""
        rows = slice(int(self._starts[latent]), int(self._starts[latent + 1]))
        return {name: values[rows] for name, values in self._columns.items()}
