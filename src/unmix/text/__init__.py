"""Text: specs of where it lies -> documents -> contexts of tokens.

document.py  what a document is, and which side of the split it falls on
sources.py   specs in, one mixed and shuffled iterator of documents out
files.py     files, folders, JSONL, Parquet
embedded.py  the news corpus and Python's standard library
hub.py       Hugging Face data sets, streamed
tokens.py    documents packed into contexts, each token knowing where it came from
spelling.py  token ids as text a person can read
"""
