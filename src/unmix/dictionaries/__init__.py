"""The mathematics: sparse codes over a learnt set of directions.

In: activations `[n, d]`.  Out: a `Code`, and from it a reconstruction `[n, d]`.

    sparsity.py    which latents may fire (all that differs between encoders)
    dictionary.py  encode and decode
    code.py        the sparse form of acts
    products.py    the products with sparse codes, and their gradients
    files.py       a dictionary on disk
    warm.py        compile the kernels before they are needed
"""
