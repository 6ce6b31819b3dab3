"""The catalog that a process works with. It never changes: a reload puts another one in its place."""

from imagegen.catalog.current import CatalogChange, Commit, CurrentCatalog, faults_of
from imagegen.catalog.source import Catalog, CatalogSource

__all__ = ["Catalog", "CatalogChange", "CatalogSource", "Commit", "CurrentCatalog", "faults_of"]
