"""Takes a language model apart into features.

    text -> activations -> training -> dictionary -> evaluation

Each arrow is a folder here, in that order: `text` and `models` read what is given, `activations`
harvests, `training` learns a dictionary (`dictionaries` is its mathematics), `evaluation` says how
good it is, and `cli` holds the verbs.
"""

__version__ = "0.1.0"
