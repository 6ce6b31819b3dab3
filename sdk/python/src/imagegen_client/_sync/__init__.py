# Made from _async/__init__.py by sdk/generate.py; do not edit.
"""The synchronous client, made by sdk/generate.py."""
