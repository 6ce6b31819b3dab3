"""Reloads of the catalog as they go over the wire."""

from imagegen.catalog import CatalogChange
from imagegen.wire import catalog_schemas


def serialize_change(change: CatalogChange) -> catalog_schemas.CatalogReload:
    """The change."""
    return catalog_schemas.CatalogReload(
        sha256=change.catalog.sha256,
        previous_sha256=change.previous.sha256,
        changed=change.is_change,
        loaded_at=change.catalog.loaded_at,
        added=list(change.added),
        removed=list(change.removed),
        modified=list(change.modified),
        warnings=list(change.catalog.registry.warnings),
    )
