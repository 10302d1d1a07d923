"""Worlds whose features are known: activations with the true code beside them.

In: a name and a seed.  Out: batches `[n, d]`, endlessly, each with the features that made it.

    world.py          activations from features: `sample`, `stream`
    firing.py         which features are on, and how strongly: chance, copula, forest
    firing_cpu.py     that, compiled;  plain.py  the same by whole matrices, for other devices
    directions.py     directions of features
    small.py          worlds made to show one thing each
    superposition.py  directions that a small model chose (Elhage et al. 2022)
    synth.py          16,384 features in 768 dimensions (SynthSAEBench)
    named.py          all of them by name
    chance.py         seeds
"""
