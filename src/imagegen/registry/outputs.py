"""Where the results of fal's endpoints have their images, as far as the catalog says."""

from collections.abc import Iterable, Mapping, Sequence

from imagegen.registry.entries import Entry, Output


def outputs_by_endpoint(entries: Iterable[Entry]) -> Mapping[str, Sequence[Output]]:
    """The outputs of every endpoint; of entries with the same endpoint, the first that has some counts."""
    found = [entry for entry in reversed([*entries]) if entry.output]
    return {endpoint: entry.output for entry in found for endpoint in entry.endpoints}
