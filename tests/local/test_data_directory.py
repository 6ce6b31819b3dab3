"""The data directory is checked before anything starts in it."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from imagegen.errors import LocalServerError
from imagegen.local import data_directory, local_stack
from tests.local.local_servers import only_unset


class DiskUsage(NamedTuple):
    """What `shutil.disk_usage` returns."""

    total: int
    used: int
    free: int


def test_a_new_directory_is_private_and_left_empty(tmp_path: Path) -> None:
    data_directory.make(tmp_path / "new/data")

    assert (tmp_path / "new/data").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "new/data").iterdir()) == []


@pytest.mark.parametrize("path", ["file", "file/data"])
def test_a_path_that_is_no_directory_is_refused_with_advice(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(LocalServerError, match=r"cannot be written \(.+\): set IMAGEGEN_DATA_DIR to a directory"):
        data_directory.make(tmp_path / path)


async def test_a_start_warns_of_a_disk_that_is_nearly_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def nearly_full(_: Path) -> DiskUsage:
        return DiskUsage(2**40, 2**40 - 2**23, 2**23)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    async with local_stack(only_unset(tmp_path, "nats")):
        pass

    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning == f"{tmp_path} has 8 MiB left, and the local servers need 1024: make room"
