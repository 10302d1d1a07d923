"""Executable claims: statements on sparse dictionaries, each a small run with a rule.

A claim trains on a world whose features are known, once a seed, and names some numbers.  Its rules
say by how much one must exceed another.  A claim holds if every rule holds in *every* seed; by
luck, without an effect, five seeds agree one time in 32.  What does not come out is shown with its
numbers like the rest.

Numbers are kept in a file a claim, under a key made of all that they depend on: the claim's own
code, the code that trains and measures, and the version of torch.  What is stale is run again.

    claim.py     a claim, its rules, and what came of them
    record.py    numbers on disk, under their key
    run.py       all claims, two processes at a time: `python -m unmix.evaluation.claims.run`

    shrinkage.py  bias.py  larger_k.py  small_l0.py  absorption.py  from_truth.py  matryoshka.py
    hedging.py  width.py  dead.py  controls.py  seeds.py  read_more.py  toy.py
"""
