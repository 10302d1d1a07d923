"""A language model and the places inside it.

load.py    a model by name: embedded, a folder, a GGUF file, a Hub id, or any module wrapped
sites.py   name a place; read it, stop after it, write into it
gguf.py    a GGUF file, read once
linear.py  its products at the rate of the hardware, in float32 or bfloat16; gated.py its MLPs
allocator.py  keep freed memory
memory.py  how much memory there is
"""
