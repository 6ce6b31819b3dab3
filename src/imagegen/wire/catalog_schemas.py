"""Reloads of the catalog."""

from datetime import datetime

from pydantic import Field

from imagegen.wire.base import Wire


class CatalogReload(Wire):
    """What a reload of the catalog has done."""

    sha256: str = Field(
        description="Of the built-in entries, your files and the settings that choose models, in hexadecimal. "
        "Processes with equal ones have the same models."
    )
    previous_sha256: str = Field(description="That of the catalog before; the same if nothing has changed.")
    changed: bool = Field(description="Whether the files had changed.")
    loaded_at: datetime = Field(description="UTC; when the catalog in use was loaded.")
    added: list[str] = Field(description="Models that are new.")
    removed: list[str] = Field(description="Models that are gone. Their jobs go on, and stay readable.")
    modified: list[str] = Field(description="Models whose entry in your files differs.")
    warnings: list[str] = Field(description="What looks wrong in the catalog, a sentence each.")
