"""`imagegen batch` against the running service."""

import csv
from pathlib import Path

from imagegen.cli.exit_codes import ExitCode
from tests.cli.client import Shell
from tests.cli.test_generate import a_photo
from tests.support.service import Service

TABLE = """model,prompt,image_urls,num_images
flux-pro,"A lighthouse, at dawn",,
,A lighthouse at noon,,2
nano-banana-edit,Make it winter,photo.png photo.png,
"""


async def test_a_table_is_priced_made_and_reported(typed: Shell, tmp_path: Path) -> None:
    a_photo(tmp_path)
    (tmp_path / "prompts.csv").write_text(TABLE)
    words = ("batch", "prompts.csv", "-m", "flux-dev")
    priced, asked, made = await typed(*words, "--estimate"), await typed(*words), await typed(*words, "--yes")

    assert (priced.code, priced.out) == (ExitCode.OK, "3 requests: $0.25\n"), priced.err
    assert (asked.code, "Generate 3 requests for $0.25?" in asked.err) == (ExitCode.COULD_NOT_RUN, True)
    assert (made.code, made.out) == (ExitCode.OK, "prompts.results.csv\n"), made.err
    with (tmp_path / "prompts.results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["completed"] * 3
    assert [row["prompt"] for row in rows] == ["A lighthouse, at dawn", "A lighthouse at noon", "Make it winter"]
    assert [float(row["charged"]) for row in rows] == [0.05, 0.05, 0.15]
    assert [len(row["files"].split()) for row in rows] == [1, 2, 1]
    assert all((tmp_path / name).is_file() for row in rows for name in row["files"].split())


async def test_a_price_that_is_not_exact_has_a_bound(typed: Shell, tmp_path: Path) -> None:
    a_photo(tmp_path)
    table = "model,prompt,image_url\nflux-dev-image-to-image,Winter,photo.png\nflux-pro,A hat,\n"
    (tmp_path / "two.csv").write_text(table)
    priced = await typed("batch", "two.csv", "--estimate")

    assert (priced.code, priced.out) == (ExitCode.OK, "2 requests: $0.08, at most $0.17\n"), priced.err


async def test_a_row_without_an_image_is_the_exit_code(typed: Shell, service: Service, tmp_path: Path) -> None:
    await service.sandbox.misbehaves({"fault": "model_fails", "status": 422, "type": "some_type", "message": "No."})
    (tmp_path / "one.csv").write_text("prompt;seed\nA harbor;7\n")
    made = await typed("batch", "one.csv", "-m", "flux-pro", "-y", "--json")
    await service.sandbox.behaves()

    (row,) = made.data["results"]
    assert (made.code, made.data["price"], row["status"], row["files"]) == (ExitCode.FOUND_FAULTS, 0, "failed", [])
    assert "No." in row["error"]


async def test_every_wrong_row_is_named_before_anything_is_paid(typed: Shell, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("model,prompt,seed\nflux-pro,A,x\n,B,\nflux-pro,C,1\n")
    (tmp_path / "refused.csv").write_text("model,num_images\nflux-pro,1\nflux-pro,9\n")
    bad, refused = await typed("batch", "bad.csv", "-y"), await typed("batch", "refused.csv", "-y")

    assert [bad.code, refused.code] == [ExitCode.COULD_NOT_RUN] * 2
    assert "line 2: seed takes integer, not 'x'" in bad.err
    assert "line 3: it has no model" in bad.err
    assert "line 2: inputs.prompt is required." in refused.err
    assert "line 3: options.num_images must be between 1 and 4" in refused.err
