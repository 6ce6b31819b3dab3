"""`imagegen batch`: a table of requests, priced first, made together, with a table of results beside it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer

from imagegen.cli.client.batch_results import Result, collect, results_file, write_results
from imagegen.cli.client.batch_table import Line, read_lines
from imagegen.cli.client.desktop import confirm
from imagegen.cli.client.downloads import prepare
from imagegen.cli.client.generate import IdempotencyKeyOption, UserOption
from imagegen.cli.client.request import Uploader, price_only
from imagegen.cli.client.service import Json, Service, open_service
from imagegen.cli.client.target import TargetOptions, with_target_options
from imagegen.cli.client.waiting import showing_progress, wait_for_batch
from imagegen.cli.errors import InvalidArgument, LocalFileError, ServiceUnreachable, reporting_errors
from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import JsonOption, dollars, print_json, print_message

_LARGEST_BATCH: Final = 1000  # requests; the service's limit


@with_target_options
def batch(
    table: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A row for each request, a column per parameter.")],
    *,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model of rows without one.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the images. Default: FILE, beside FILE.csv.")
    ] = None,
    user: UserOption = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print the price and stop; nothing is made.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it is paid for.")] = False,
    idempotency_key: IdempotencyKeyOption = None,
    target: TargetOptions,
    as_json: JsonOption = False,
) -> None:
    """Generate a table of images, after showing its price.

    The columns are `model` and any parameter of the models, images by file or URL. An empty cell leaves the parameter
    out. FILE.results.csv has the rows again, with job, status, price, files and error.
    """
    with reporting_errors("The batch cannot run", as_json=as_json), open_service(target) as service:
        lines = read_lines(service, table, model)
        price = _price(service, lines)
        if estimate:
            _print_price(lines, price, as_json=as_json)
            return
        confirm(f"Generate {_count(lines)} for {price}?", yes=yes)
        folder = output or table.with_suffix("")
        prepare(folder / "image")
        results = _run(service, lines, user or service.user, idempotency_key or str(uuid.uuid4()), folder)
        written = results_file(table)
        write_results(written, lines, results)
    _report(results, written, as_json=as_json)


def _run(service: Service, lines: Sequence[Line], user: str, key: str, folder: Path) -> Sequence[Result]:
    """Submit the rows, wait for them, and save their images."""
    link = Uploader(service, user)
    results: list[Result] = []
    parts = [lines[begin : begin + _LARGEST_BATCH] for begin in range(0, len(lines), _LARGEST_BATCH)]
    accepted: list[Json] = []
    try:
        with showing_progress(f"sending {len(lines)} requests …") as progress:
            for number, part in enumerate(parts):
                body = {"userId": user, "requests": [line.request(link) for line in part]}
                own_key = key if len(parts) == 1 else f"{key}-{number}"
                accepted.append(service.post("/api/images/batch", body, idempotency_key=own_key))
            for answer in accepted:
                ended = wait_for_batch(service, answer, progress)
                for job_id in ended["jobIds"]:
                    progress.show(f"saving {len(results) + 1} of {len(lines)} …")
                    results.append(collect(service, job_id, folder))
    except KeyboardInterrupt:
        print_message(_resume(key))
        raise
    except (ServiceUnreachable, LocalFileError) as error:
        raise type(error)(f"{error}\n{_resume(key)}") from None
    return results


def _resume(key: str) -> str:
    return f"Accepted jobs go on. The same command with `--idempotency-key {key}` picks them up and pays nothing again."


@dataclass(frozen=True, slots=True)
class _Price:
    """What all rows cost in US dollars, and what they cost at most."""

    total: Decimal
    most: Decimal

    def __str__(self) -> str:
        """The price for people."""
        at_most = "" if self.most == self.total else f", at most {dollars(self.most)}"
        return f"{dollars(self.total)}{at_most}"


def _price(service: Service, lines: Sequence[Line]) -> _Price:
    """What all rows cost.

    Raises:
        InvalidArgument: the service would refuse a row; names each of them.
    """
    total, most, refused = Decimal(0), Decimal(0), list[str]()
    with showing_progress(f"pricing {len(lines)} requests …"):
        for line in lines:
            answer = service.post("/api/images/estimate-cost", line.request(price_only))
            total += Decimal(str(answer["totalCost"]))
            most += Decimal(str(answer.get("maxCost", answer["totalCost"])))
            refused += [f"line {line.number}: {warning['message']}" for warning in answer["warnings"]]
    if refused:
        raise InvalidArgument("\n".join(refused))
    return _Price(total, most)


def _count(lines: Sequence[Line]) -> str:
    return f"{len(lines)} request{'' if len(lines) == 1 else 's'}"


def _print_price(lines: Sequence[Line], price: _Price, *, as_json: bool) -> None:
    if as_json:
        print_json({"price": float(price.total), "rows": len(lines), "results": None, "resultsFile": None})
    else:
        typer.echo(f"{_count(lines)}: {price}")


def _report(results: Sequence[Result], written: Path, *, as_json: bool) -> None:
    """Say how it went; the exit code is 1 if a row has no image."""
    charged = sum(result.charged for result in results)
    failed = [result for result in results if result.status != "completed"]
    if as_json:
        rows = [result.as_json() for result in results]
        print_json({"price": charged, "rows": len(rows), "results": [*rows], "resultsFile": str(written)})
    else:
        typer.echo(written)
        ending = f", {len(failed)} without an image: see column `error`" if failed else ""
        print_message(f"{len(results) - len(failed)} of {len(results)} completed, {dollars(charged)}{ending}.")
    if failed:
        raise typer.Exit(ExitCode.FOUND_FAULTS)
