"""The asynchronous client. The synchronous one is made from these modules by sdk/generate.py."""
