"""`imagegen generate`: images from the running service, saved as files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from imagegen.cli.client.downloads import prepare
from imagegen.cli.client.outcome import finish, submit
from imagegen.cli.client.parameters import Parameters
from imagegen.cli.client.request import Uploader, make_request, price_only, require_files
from imagegen.cli.client.service import Json, model_path, open_service
from imagegen.cli.client.target import TargetOptions, with_target_options
from imagegen.cli.errors import InvalidArgument, reporting_errors
from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import JsonOption, print_json, print_message

UserOption = Annotated[
    str | None, typer.Option("--user", help="The userId that pays. Default: the profile's, or your login name.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="File or folder for the images; several become out-1.png, out-2.png, …"),
]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Print the job's id and do not wait for it.")]
IdempotencyKeyOption = Annotated[
    str | None,
    typer.Option(help="A key of your own: the same command within 24 hours gets the same job. Default: a new one."),
]


@with_target_options
def generate(
    prompt: Annotated[str | None, typer.Argument(help="What the image shows; - reads standard input.")] = None,
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="A model; `imagegen models list` shows all.")],
    images: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", help="An image: a file or URL, or NAME=FILE; repeatable.", metavar="FILE"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other parameter of the model; repeatable.", metavar="NAME=VALUE"),
    ] = None,
    output: OutputOption = None,
    user: UserOption = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print the price and stop; nothing is made.")] = False,
    no_wait: NoWaitOption = False,
    show: Annotated[bool, typer.Option(help="Show the image in terminals that can.")] = True,
    idempotency_key: IdempotencyKeyOption = None,
    target: TargetOptions,
    as_json: JsonOption = False,
) -> None:
    """Generate images, wait for them and save them.

    The names of the files go to stdout. A request whose answer is lost is sent again and paid for once.
    """
    with reporting_errors("The image cannot be generated", as_json=as_json), open_service(target) as service:
        require_files(images or ())
        prompt = _read_prompt(prompt)
        parameters = Parameters(service.get(model_path(model)))
        link = price_only if estimate else Uploader(service, user or service.user)
        body = make_request(
            parameters, prompt=prompt, images=images or (), settings=settings or (), output=output, link=link
        )
        body["userId"] = user or service.user
        if estimate:
            _print_estimate(service.post("/api/images/estimate-cost", body), as_json=as_json)
            return
        prepare(output)
        job = submit(service, "/api/images/generate", body, idempotency_key)
        finish(service, job, output, wait=not no_wait, show=show, as_json=as_json)


def _read_prompt(prompt: str | None) -> str | None:
    if prompt != "-":
        return prompt
    text = sys.stdin.read().strip()
    if not text:
        raise InvalidArgument("standard input is empty: it has to hold the prompt")
    return text


def _print_estimate(estimate: Json, *, as_json: bool) -> None:
    """Print a price; the exit code is 1 if `generate` would refuse the request."""
    if as_json:
        print_json({"estimate": estimate, "job": None, "files": []})
    else:
        for line in estimate["explanation"]:
            typer.echo(line)
        for warning in estimate["warnings"]:
            print_message(f"It would be refused: {warning['message']}", style="yellow")
    if estimate["warnings"]:
        raise typer.Exit(ExitCode.FOUND_FAULTS)
