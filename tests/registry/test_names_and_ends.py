"""Aliases, retired models, and where an entry's facts are from."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from pydantic import JsonValue

from imagegen import registry as registry_package
from imagegen.errors import CatalogError, InvalidInput, UnknownModel
from imagegen.registry import Registry
from imagegen.registry.catalog import read_catalog
from imagegen.registry.fault_collector import FaultCollector
from imagegen.registry.model_names import resolve_aliases
from imagegen.registry.vocabulary import load_vocabulary

LoadWith = Callable[[str], Registry]


def entry(name: str, *more: str) -> str:
    lines = (f"{name}:", "falEndpoint: fal-ai/mine", "category: text-to-image", "requiredInputs: [prompt]")
    return "\n  ".join((*lines, "costPerImage: 0.1", "description: Mine", *more)) + "\n"


def test_alias_means_its_model(load_with: LoadWith) -> None:
    registry = load_with(entry("new-name", "aliases: [old-name, older]"))
    body: JsonValue = {"model": "old-name", "inputs": {"prompt": "x"}, "userId": "u"}

    assert registry.model("older") is registry.model("new-name")
    assert registry.parse(body).model == registry.parse_item(body).model == "new-name"
    assert registry.parse(body).model_dump(mode="json", exclude_unset=True)["model"] == "new-name"
    assert list(registry.models)[-1] == "new-name"
    assert "old-name" not in str(registry.model("new-name").request_class.model_json_schema())


def test_faults_of_a_request_to_an_alias_are_those_of_its_model(load_with: LoadWith) -> None:
    registry = load_with(entry("new-name", "aliases: [old-name]"))

    with pytest.raises(InvalidInput, match=r"new-name takes no 'promt' in inputs; did you mean 'prompt'\?"):
        registry.parse({"model": "old-name", "inputs": {"promt": "x"}, "userId": "u"})
    with pytest.raises(UnknownModel):
        registry.model("old-names")


@pytest.mark.parametrize(
    ("text", "line", "key", "expected"),
    [
        (entry("mine", "aliases: [flux-pro]"), 7, "mine.aliases.0", "'flux-pro' is taken by 'flux-pro'"),
        (entry("mine", "aliases: [mine]"), 7, "mine.aliases.0", "'mine' is taken by 'mine'"),
        (entry("mine", "aliases: [a, a]"), 7, "mine.aliases.1", "expected each alias once"),
        (entry("one", "aliases: [a]") + entry("two", "aliases: [a]"), 14, "two.aliases.0", "'a' is taken by 'one'"),
        (entry("one", "aliases: [two]") + entry("two"), 7, "one.aliases.0", "'two' is taken by 'two'"),
        (entry("mine", "aliases: [No Name]"), 7, "mine.aliases.0", "expected a model's name"),
        (entry("mine", "retired: {since: 2026-02-30}"), 7, "mine.retired.since", "expected a day such as 2026-11-20"),
        (entry("mine", "retired: {since: soon}"), 7, "mine.retired.since", "expected a day"),
        (entry("mine", "retired: {since: 20260101}"), 7, "mine.retired.since", "expected a day"),
        (entry("mine", "retired: {successor: flux-pro}"), 7, "mine.retired", "expected the key 'since'"),
        (
            entry("mine", "retired: {since: 2026-01-01, succesor: flux-pro}"),
            7,
            "mine.retired.succesor",
            "did you mean 'successor'?",
        ),
        (
            entry("mine", "retired: {since: 2026-01-01, successor: flux-por}"),
            7,
            "mine.retired.successor",
            "did you mean 'flux-pro'?",
        ),
        (
            entry("mine", "retired: {since: 2026-01-01, successor: mine}"),
            7,
            "mine.retired.successor",
            "does not lead back to this model",
        ),
        (entry("mine", "output: {path: ''}"), 7, "mine.output.path", "expected names of members separated by dots"),
        (entry("mine", "output: {path: a..b}"), 7, "mine.output.path", "expected names of members"),
        (entry("mine", "output: {path: a, kind: video}"), 7, "mine.output.kind", "expected 'images', 'image'"),
        (entry("mine", "output: [{path: a, role: depth}]"), 7, "mine.output.0.role", "expected 'image' or 'mask'"),
        (entry("mine", "output: [{path: a}, {path: a}]"), 7, "mine.output.1.path", "expected each path once"),
        (entry("mine", "output: {pat: a}"), 7, "mine.output.pat", "did you mean 'path'?"),
        (entry("mine", "output: image"), 7, "mine.output", "valid"),
        (entry("mine", "verifiedAt: yesterday"), 7, "mine.verifiedAt", "expected a day"),
        (entry("mine", "source: fal.ai"), 7, "mine.source", "expected a URL such as"),
        (entry("mine", "source: 'javascript:alert(1)'"), 7, "mine.source", "expected a URL such as"),
    ],
)
def test_faulty_names_and_ends_stop_the_start(
    load_with: LoadWith, text: str, line: int, key: str, expected: str
) -> None:
    with pytest.raises(CatalogError) as stopped:
        load_with(text)

    found = [(fault.line, fault.key, fault.expected) for fault in stopped.value.faults]
    assert [(at, what) for at, what, _ in found] == [(line, key)]
    assert expected in found[0][2]


def test_circle_of_successors_names_each_model_in_it(load_with: LoadWith) -> None:
    with pytest.raises(CatalogError) as stopped:
        load_with(
            entry("one", "aliases: [uno]", "retired: {since: 2026-01-01, successor: two}")
            + entry("two", "retired: {since: 2026-01-01, successor: three}")
            + entry("three", "retired: {since: 2026-01-01, successor: uno}")
            + entry("outside", "retired: {since: 2026-01-01, successor: two}")
        )

    assert [fault.key for fault in stopped.value.faults] == [f"{n}.retired.successor" for n in ("one", "two", "three")]


def test_successor_that_is_retired_itself_is_followed(load_with: LoadWith) -> None:
    registry = load_with(
        entry("one", "retired: {since: 2026-01-01, successor: dos}")
        + entry("two", "aliases: [dos]", "retired: {since: 2026-06-01, successor: flux-pro}")
        + entry("alone", "retired: {since: 2026-01-01}")
    )
    one = registry.model("one")

    assert [one.is_retired(date(2025, 12, 31)), one.is_retired(date(2026, 1, 1))] == [False, True]
    assert registry.successor(one, date(2026, 5, 31)) == "two"
    assert registry.successor(one, date(2026, 6, 1)) == "flux-pro"
    assert registry.successor(registry.model("alone"), date(2026, 6, 1)) is None
    assert not registry.model("flux-pro").is_retired(date(9999, 1, 1))


def test_built_in_alias_gives_way_to_a_users_model(tmp_path: Path) -> None:
    """An upgrade that adds an alias stops no start, and changes no model of a user's."""
    ours, mine = tmp_path / "catalog.yaml", tmp_path / "mine.yaml"
    ours.write_text(entry("ours", "aliases: [taken, also-taken, free]"), encoding="utf-8")
    mine.write_text(entry("taken") + entry("other", "aliases: [also-taken]"), encoding="utf-8")
    vocabulary = load_vocabulary(Path(registry_package.__file__).parent / "parameters.yaml")
    faults = FaultCollector()
    entries = {each.name: each for path in (ours, mine) for each in read_catalog(path, vocabulary, faults)}

    assert resolve_aliases(entries, {"ours"}) == ({"also-taken": "other", "free": "ours"}, [])


def test_built_in_model_has_no_alias_that_is_a_users_model(
    tmp_path: Path, load_with: LoadWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key or a budget of the user's model is none of the built-in one."""
    ours = tmp_path / "catalog.yaml"
    ours.write_text(entry("ours", "aliases: [taken, free]"), encoding="utf-8")
    vocabulary = load_vocabulary(Path(registry_package.__file__).parent / "parameters.yaml")
    built_in = tuple(read_catalog(ours, vocabulary, FaultCollector()))
    monkeypatch.setattr("imagegen.registry.loading.built_in_entries", lambda: built_in)

    registry = load_with(entry("taken"))

    assert (registry.model("taken").name, registry.model("free").name) == ("taken", "ours")
    assert (registry.names_of("ours"), registry.names_of("taken")) == (("ours", "free"), ("taken",))


def test_built_in_entries_have_tags(registry: Registry) -> None:
    assert [name for name, model in registry.models.items() if not model.tags] == ["face-swap", "clarity-upscaler"]


def test_every_built_in_entry_says_when_and_where_it_was_checked(registry: Registry) -> None:
    for model in registry.models.values():
        assert model.verified_at is not None
        assert date(2026, 8, 1) <= model.verified_at
        assert model.source == f"https://fal.ai/models/{model.endpoint}"
