"""What a reload takes in: all of the files, or nothing, one reload at a time."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from imagegen.catalog import Catalog, CatalogChange, CatalogSource, CurrentCatalog
from imagegen.errors import CatalogError, DatabaseUnavailable
from tests.support.catalogs import entry, write


class Follower:
    """Something that changes with the catalog."""

    def __init__(self) -> None:
        self.prepared: list[Catalog] = []
        self.used: list[Catalog] = []

    async def __call__(self, catalog: Catalog) -> Callable[[], None]:
        self.prepared.append(catalog)
        return lambda: self.used.append(catalog)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    write(first, entry("poster"))
    write(second, entry("banner"))
    return first, second


@pytest.fixture
async def current(files: tuple[Path, Path]) -> CurrentCatalog:
    source = CatalogSource(files)
    return CurrentCatalog(source, await asyncio.to_thread(source.load))


async def test_change_names_what_is_added_removed_and_modified(
    current: CurrentCatalog, files: tuple[Path, Path]
) -> None:
    before, follower = current.latest, Follower()
    current.follow(follower)
    write(files[0], entry("poster").replace("0.1", "0.2"))
    write(files[1], entry("flyer") + entry("cover"))

    change = await current.reload()

    assert (change.added, change.removed, change.modified) == (["cover", "flyer"], ["banner"], ["poster"])
    assert (change.previous, change.catalog, change.is_change) == (before, current.latest, True)
    assert before.sha256 != current.latest.sha256
    assert str(current.latest.registry.models["poster"].cost_per_image) == "0.2"
    assert [follower.prepared, follower.used] == [[current.latest]] * 2


async def test_built_in_model_that_gets_an_entry_is_modified_and_again_when_it_goes(
    current: CurrentCatalog, files: tuple[Path, Path]
) -> None:
    write(files[1], entry("flux-pro"))
    own = await current.reload()
    write(files[1], entry("banner"))
    built_in = await current.reload()

    assert [(change.added, change.removed, change.modified) for change in (own, built_in)] == [
        ([], ["banner"], ["flux-pro"]),
        (["banner"], [], ["flux-pro"]),
    ]


async def test_a_comment_changes_the_sha256_and_no_model(current: CurrentCatalog, files: tuple[Path, Path]) -> None:
    write(files[0], entry("poster") + "# for the fair\n")
    change = await current.reload()

    assert (change.is_change, [*change.added, *change.removed, *change.modified]) == (True, [])


async def test_unchanged_files_leave_the_catalog_as_it_is(current: CurrentCatalog, files: tuple[Path, Path]) -> None:
    before, follower = current.latest, Follower()
    current.follow(follower)
    files[0].write_bytes(files[0].read_bytes())
    change = await current.reload()

    assert (change.is_change, current.latest, follower.prepared) == (False, before, [])


async def test_every_fault_of_every_file_is_told_and_nothing_changes(
    current: CurrentCatalog, files: tuple[Path, Path]
) -> None:
    before, follower = current.latest, Follower()
    current.follow(follower)
    write(files[0], entry("poster").replace("0.1", "-1") + entry("card").replace("[prompt]", "7"))
    write(files[1], "banner: [\n")
    with pytest.raises(CatalogError) as refused:
        await current.reload()

    places = [(Path(fault.file).name, fault.line, fault.key) for fault in refused.value.faults]
    assert places[:2] == [("first.yaml", 5, "poster.costPerImage"), ("first.yaml", 10, "card.requiredInputs")]
    assert {file for file, _, _ in places} == {"first.yaml", "second.yaml"}
    assert (current.latest, follower.used, current.refused_at is None) == (before, [], False)

    write(files[0], entry("poster"))
    write(files[1], entry("banner"))
    assert not (await current.reload()).is_change
    assert current.refused_at is None


async def test_missing_file_is_a_fault(current: CurrentCatalog, files: tuple[Path, Path]) -> None:
    files[1].unlink()
    with pytest.raises(CatalogError, match=r"second\.yaml"):
        await current.reload()


async def test_nothing_changes_if_the_change_cannot_be_recorded(
    current: CurrentCatalog, files: tuple[Path, Path]
) -> None:
    async def record(_change: CatalogChange) -> None:
        raise DatabaseUnavailable

    before, follower = current.latest, Follower()
    current.follow(follower)
    write(files[0], entry("other"))
    with pytest.raises(DatabaseUnavailable):
        await current.reload(record)

    assert (current.latest, follower.used) == (before, [])
    assert (await current.reload()).added == ["other"]


async def test_reloads_at_once_load_the_files_once(current: CurrentCatalog, files: tuple[Path, Path]) -> None:
    follower = Follower()
    current.follow(follower)
    write(files[0], entry("other"))
    changes = await asyncio.gather(*(current.reload() for _ in range(20)))

    assert [change.is_change for change in changes] == [True] + [False] * 19
    assert len(follower.prepared) == 1
    assert {change.catalog.sha256 for change in changes} == {current.latest.sha256}


def test_sha256_is_of_the_contents_in_their_order_and_not_of_the_paths(tmp_path: Path) -> None:
    def of(*contents: str) -> str:
        files = tuple(tmp_path / f"{number}{len(contents)}.yaml" for number in range(len(contents)))
        for file, content in zip(files, contents, strict=True):
            write(file, content)
        return CatalogSource(files).sha256()

    elsewhere = tmp_path / "elsewhere.yaml"
    write(elsewhere, "ab")
    different = [of(), of(""), of("ab"), of("a", "b"), of("b", "a"), of("", "ab")]
    assert len(set(different)) == len(different)
    assert CatalogSource((elsewhere,)).sha256() == of("ab")
    assert all(len(each) == 64 for each in different)
