"""Makes what the package knows of fal's image endpoints: `make index`, or `python -m facts`.

Its sources are the types of @fal-ai/client, pinned in sdk/generated, a list of the endpoints that were live on a date,
and dated prices. The result depends on these alone.
"""
