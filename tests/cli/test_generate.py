"""`imagegen generate` against the running service."""

import asyncio
import io
import re
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from PIL import Image

from imagegen.cli.exit_codes import ExitCode
from tests.cli.client import Shell
from tests.support.processes import free_port
from tests.support.service import Service


@pytest.fixture(autouse=True)
async def _without_faults(service: Service) -> AsyncGenerator[None]:
    yield
    await service.sandbox.behaves()


def a_photo(folder: Path, name: str = "photo.png") -> Path:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 200), (200, 30, 30)).save(buffer, "PNG")
    file = folder / name
    file.write_bytes(buffer.getvalue())
    return file


async def test_an_image_is_saved_where_it_is_wanted(typed: Shell, tmp_path: Path) -> None:
    made = await typed("generate", "A lighthouse", "--model", "flux-pro", "-o", "out/a.png")

    assert (made.code, made.out) == (ExitCode.OK, "out/a.png\n"), made.err
    assert (tmp_path / "out/a.png").read_bytes().startswith(b"\x89PNG")  # the suffix chooses the format
    assert "1 image, $0.05." in made.err
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a.png"]


async def test_several_images_are_numbered(typed: Shell, tmp_path: Path) -> None:
    made = await typed(
        "generate", "-", "-m", "flux-dev", "--set", "num_images=2", "-o", "b.jpg", "--json", stdin="Two\n"
    )

    job = made.data["job"]
    assert (made.code, made.data["files"]) == (ExitCode.OK, ["b-1.jpg", "b-2.jpg"])
    assert (job["inputs"], job["options"]["num_images"], job["userId"]) == ({"prompt": "Two"}, 2, "ann")
    assert all((tmp_path / name).stat().st_size > 0 for name in made.data["files"])


async def test_values_are_typed_by_the_schema_of_the_model(typed: Shell) -> None:
    settings = ("guidance_scale=4", "enable_safety_checker=false", 'image_size={"width": 512, "height": 256}', "seed=7")
    words = [word for setting in settings for word in ("--set", setting)]
    made = await typed("generate", "42", "-m", "flux-dev", *words, "--json", "--user", "bob")

    job = made.data["job"]
    assert job["inputs"] == {"prompt": "42", "guidance_scale": 4, "seed": 7}
    assert job["options"] == {"enable_safety_checker": False, "image_size": {"width": 512, "height": 256}}
    assert (job["userId"], made.data["files"]) == ("bob", [f"{job['jobId']}.jpg"])


async def test_a_photo_is_uploaded_for_the_image_parameter(typed: Shell, tmp_path: Path) -> None:
    photo = a_photo(tmp_path)
    listed = await typed("generate", "Edit", "-m", "nano-banana-edit", "-i", photo.name, "-i", photo.name, "--json")
    faces = ("-i", photo.name, "-i", f"base_image_url={photo.name}")
    named = await typed("generate", "-m", "face-swap", *faces, "--json")

    urls = listed.data["job"]["inputs"]["image_urls"]
    assert (len(urls), urls[0].split("?")[0]) == (2, urls[1].split("?")[0])
    assert "/inputs/ann/" in urls[0]
    assert named.data["job"]["inputs"].keys() == {"base_image_url", "swap_image_url"}


async def test_an_estimate_makes_nothing(typed: Shell, service: Service) -> None:
    before = len(await service.sandbox.requests())
    words = ("generate", "Edit", "-m", "nano-banana-edit", "--set", "resolution=4K", "--estimate")
    fine, refused = await typed(*words, "-i", "https://example.com/a.png"), await typed(*words, "--json")

    assert (fine.code, fine.err) == (ExitCode.OK, "")
    assert fine.out.splitlines()[-1] == "Total: $0.30."
    assert (refused.code, refused.data["estimate"]["totalCost"]) == (ExitCode.FOUND_FAULTS, 0.3)
    assert [warning["pointer"] for warning in refused.data["estimate"]["warnings"]] == ["/inputs/image_urls"]
    assert len(await service.sandbox.requests()) == before


async def test_a_failed_job_is_reported_and_not_charged(typed: Shell, service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "model_fails", "status": 422, "type": "some_type", "message": "No."})
    made = await typed("generate", "A lighthouse", "-m", "flux-pro")

    assert (made.code, made.out) == (ExitCode.FOUND_FAULTS, "")
    assert "failed (provider_rejected, not charged): " in made.err


async def test_a_failed_job_is_reported_again_under_its_key(typed: Shell, service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "model_fails", "status": 422, "type": "some_type", "message": "No."})
    words = ("generate", "Never", "-m", "flux-pro", "--idempotency-key", "never")
    first, again, in_json = await typed(*words), await typed(*words), await typed(*words, "--no-wait", "--json")

    assert [made.code for made in (first, again, in_json)] == [ExitCode.FOUND_FAULTS] * 3
    assert again.err.splitlines()[-1] == first.err.splitlines()[-1]
    assert (in_json.data["job"]["status"], in_json.data["files"]) == ("failed", [])


async def test_ctrl_c_ends_the_waiting_and_not_the_job(typed: Shell, service: Service) -> None:
    await service.sandbox.misbehaves({"fault": "latency", "generation": 1})
    child = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "imagegen",
            "generate",
            "Slow",
            "-m",
            "flux-pro",
            "--url",
            typed.environ["IMAGEGEN_URL"],
        ),
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stderr is not None
    told = ""
    while "generating" not in told:
        told = (await child.stderr.readline()).decode()
    child.send_signal(signal.SIGINT)
    told = (await child.stderr.read()).decode()
    (job_id,) = set(re.findall(r"imagegen jobs (?:wait|cancel) (\w{26})", told))

    assert await child.wait() == ExitCode.INTERRUPTED
    assert (await service.ended(job_id))["status"] == "completed"


async def test_the_same_key_gets_the_same_job(typed: Shell) -> None:
    words = ("generate", "Once", "-m", "flux-pro", "--idempotency-key", "once", "--json")
    first, second = await typed(*words, "--no-wait"), await typed(*words)

    assert first.data["job"]["jobId"] == second.data["job"]["jobId"]
    assert (first.data["files"], second.data["job"]["status"]) == ([], "completed")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-m", "flux-por"), "Did you mean 'flux-pro'?"),
        (("-m", "flux-pro", "--set", "sead=7"), "flux-pro has no parameter 'sead': did you mean 'seed'?"),
        (("-m", "flux-pro", "--set", "seed=x"), "seed takes integer, not 'x'"),
        (("-m", "flux-pro", "--set", "seed"), "--set seed: expected name=value"),
        (("-m", "flux-pro", "--set", "num_images=9"), "options.num_images must be between 1 and 4"),
        (("-m", "flux-pro", "-i", "gone.png"), "--input gone.png: there is no such file"),
        (("-m", "flux-pro", "-i", "https://example.com/a.png"), "flux-pro takes no image"),
        (("-m", "flux-pro", "--key-file", "gone"), "--key-file gone: No such file or directory"),
        (("-m", "flux-pro", "--profile", "gone"), "there is no profile 'gone'"),
        (("-m", "flux-pro", "--url", "localhost"), "--url localhost: expected an address"),
        (("-m", "flux-pro", "--url", "http://[::1"), "--url http://[::1: expected an address"),
        (("-m", "flux-pro", "--url", "http://localhost:99999"), "--url http://localhost:99999: expected an address"),
        (("-m", ""), "the model's name is empty"),
        (("-m", "../jobs"), "There is no model '../jobs'"),
    ],
)
async def test_a_mistake_is_told_without_a_traceback(typed: Shell, words: tuple[str, ...], told: str) -> None:
    text, in_json = await typed("generate", "A", *words), await typed("generate", "A", *words, "--json")

    assert (text.code, text.out, in_json.code) == (ExitCode.COULD_NOT_RUN, "", ExitCode.COULD_NOT_RUN)
    assert told in text.err
    assert told in "\n".join(in_json.error["details"])
    assert in_json.error["code"] in {"refused", "invalid_argument"}
    assert ("problem" in in_json.error) is (in_json.error["code"] == "refused")


async def test_a_service_that_is_not_running_is_told_how_to_start(typed: Shell) -> None:
    made = await typed("generate", "A", "-m", "flux-pro", "--url", f"http://127.0.0.1:{free_port()}", "--json")

    assert (made.code, made.error["code"]) == (ExitCode.COULD_NOT_RUN, "unavailable")
    assert "start the service with `imagegen serve`" in made.error["details"][0]


async def test_another_server_is_told_apart(typed: Shell, service: Service) -> None:
    made = await typed("generate", "A", "-m", "flux-pro", "--url", str(service.sandbox.client.base_url))

    assert made.code == ExitCode.COULD_NOT_RUN
    assert "check --url" in made.err or "detail" in made.err
