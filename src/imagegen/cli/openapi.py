"""`imagegen openapi`: the document to generate clients from."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from imagegen.cli.errors import InvalidArgument, reporting_errors
from imagegen.cli.runtime import read_settings


def openapi(
    output: Annotated[Path | None, typer.Option(help="File to write instead of stdout.")] = None,
) -> None:
    """Write the OpenAPI document, to generate clients from.

    It describes the models of your catalog. No server is needed.
    """
    from imagegen.api import openapi_json
    from imagegen.server import read_catalog

    with reporting_errors("The OpenAPI document cannot be written"):
        settings, _ = read_settings()
        text = openapi_json(read_catalog(settings).registry)
        if output is None:
            sys.stdout.write(text)
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidArgument(f"{output}: {error.strerror}") from None
