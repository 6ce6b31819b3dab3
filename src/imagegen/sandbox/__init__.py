"""A stand-in for fal.ai: speaks fal's queue protocol over HTTP, and draws images instead of generating them.

Run it with `python -m imagegen.sandbox --host 127.0.0.1 --port 8100 --data DIR`. It imports no other part of imagegen.
"""
