"""Tokens through a model -> activations, on disk or on the fly.

config.py   what is read, as settings
source.py   what every source of activations offers: shards, flags, moments
live.py     shards made by running the model
store.py    shards on disk
harvest.py  the first written down as the second
stream.py   shuffled batches from either
ahead.py    the next shards, read in a thread
"""
