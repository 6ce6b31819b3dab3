"""`imagegen client types`: the typed signatures of an operator's own catalog, for the clients in `sdk/`."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from imagegen.cli.client_types.model_schemas import read_document
from imagegen.cli.client_types.python_models import python_models
from imagegen.cli.client_types.typescript_models import typescript_models
from imagegen.cli.errors import InvalidArgument, reporting_errors
from imagegen.cli.runtime import read_settings

app = typer.Typer(help="Prepare the clients for your catalog.", no_args_is_help=True)


class Language(StrEnum):
    """The language of a client."""

    PYTHON = "python"
    TYPESCRIPT = "typescript"


@app.callback()
def client() -> None:
    """Prepare the clients for your catalog."""


@app.command()
def types(
    language: Annotated[Language, typer.Option(help="The client that they are for.")] = Language.PYTHON,
    output: Annotated[Path | None, typer.Option(help="File to write instead of stdout.")] = None,
) -> None:
    """Write the types of your catalog for a client.

    The Python module has Imagegen and AsyncImagegen with a signature for
    each model, the TypeScript module the types for Imagegen<Models>. No
    server is needed.
    """
    from imagegen.api import openapi_json
    from imagegen.server import read_catalog

    with reporting_errors("The types cannot be written"):
        settings, _ = read_settings()
        document = read_document(json.loads(openapi_json(read_catalog(settings).registry)))
        text = python_models(document) if language is Language.PYTHON else typescript_models(document)
        if output is None:
            sys.stdout.write(text)
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidArgument(f"{output}: {error.strerror}") from None
