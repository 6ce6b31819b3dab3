from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from imagegen.errors import CatalogError, InvalidInput, SettingsError, UnknownModel
from imagegen.registry import Registry, load_registry, loading
from imagegen.registry.catalog import read_catalog
from imagegen.registry.fault_collector import FaultCollector
from imagegen.registry.loading import FIRST_MODELS, built_in_vocabulary

LoadWith = Callable[[str], Registry]
UNPRICED = """
later-model:
  falEndpoint: fal-ai/later
  category: text-to-image
  requiredInputs: [prompt]
  options: [num_images, image_size]
  costPerImage: required
  pricing: {unit: megapixel, maxMegapixels: 4}
  description: Built in by a later release
  aliases: [later]
  output: {path: picture, kind: image}
"""
MINE = """
mine:
  falEndpoint: fal-ai/mine
  category: text-to-image
  costPerImage: 0.1
  description: Mine
"""


@pytest.fixture
def later_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Adds entries to the built-in catalog, as a later release does."""

    def add(text: str) -> None:
        before = loading.built_in_entries()
        folder = tmp_path / "built-in"
        folder.mkdir()
        (folder / "later.yaml").write_text(text, encoding="utf-8")
        faults = FaultCollector()
        later = tuple(read_catalog(folder / "later.yaml", built_in_vocabulary(), faults))
        faults.raise_if_any()
        monkeypatch.setattr(loading, "built_in_entries", lambda: (*before, *later))

    return add


def unknown(registry: Registry, name: str) -> UnknownModel:
    with pytest.raises(UnknownModel) as refused:
        registry.model(name)
    return refused.value


@pytest.mark.parametrize(
    ("globs", "names"),
    [
        ((), FIRST_MODELS),
        (("*",), FIRST_MODELS),
        (("flux-pro",), {"flux-pro"}),
        (("flux-*", "face-swap"), FIRST_MODELS - {"nano-banana-edit"}),
        (("*-lora", "flux-lor?"), {"flux-lora"}),
        (("[fn]*",), FIRST_MODELS),
    ],
)
def test_globs_choose_models(globs: tuple[str, ...], names: set[str]) -> None:
    assert FIRST_MODELS & set(load_registry(offered=globs).models) == names


def test_alias_chooses_its_model(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"{MINE}  aliases: [my-alias]\n", encoding="utf-8")

    assert list(load_registry([file], ("my-al*",)).models) == ["mine"]


@pytest.mark.parametrize("glob", ["fluxx-pro", "FLUX-PRO", "flux-pro/", "no-*", ""])
def test_glob_that_matches_nothing_stops_the_start(glob: str) -> None:
    with pytest.raises(SettingsError, match=r"IMAGEGEN_MODELS: .*matches no model"):
        load_registry(offered=("flux-dev", glob))


def test_model_that_is_not_offered_is_unknown_and_says_why() -> None:
    registry = load_registry(offered=("flux-*",))

    found = unknown(registry, "face-swap")

    assert str(found).startswith("Model 'face-swap' is not offered by this service.")
    assert "face-swap" not in found.valid
    with pytest.raises(UnknownModel):
        registry.parse({"model": "face-swap", "inputs": {}, "userId": "u"})


def test_results_of_jobs_of_a_model_that_is_no_longer_offered_are_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"{MINE}  output: {{path: picture, kind: image}}\n", encoding="utf-8")

    assert [each.path for each in load_registry([file], ("flux-pro",)).outputs["fal-ai/mine"]] == ["picture"]


def test_successor_that_is_not_offered_is_not_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"{MINE}  retired: {{since: 2026-01-01, successor: flux-pro}}\n", encoding="utf-8")
    alone = load_registry([file], ("mine",))
    both = load_registry([file], ("mine", "flux-pro"))
    day = both.model("mine").retired
    assert day is not None

    assert alone.successor(alone.model("mine"), day.since) is None
    assert both.successor(both.model("mine"), day.since) == "flux-pro"


def test_model_without_a_price_takes_no_requests(load_with: LoadWith) -> None:
    registry = load_with(UNPRICED)

    assert "later-model" in {each.name for each in registry.unpriced}
    assert "later-model" not in registry.models
    for name in ("later-model", "later"):
        assert "has no price yet: set costPerImage for it" in str(unknown(registry, name))
    assert registry.outputs["fal-ai/later"]


@pytest.mark.parametrize("written", ["~", "Required", "[]", "-1", "required now"])
def test_other_words_are_no_price(load_with: LoadWith, written: str) -> None:
    with pytest.raises(CatalogError, match=r"costPerImage: expected|costPerImage"):
        load_with(UNPRICED.replace("costPerImage: required", f"costPerImage: {written}"))


def test_faults_of_a_model_without_a_price_are_faults(load_with: LoadWith) -> None:
    with pytest.raises(CatalogError, match="maxMegapixels"):
        load_with(UNPRICED.replace(", maxMegapixels: 4", "").replace("[num_images, image_size]", "[num_images]"))


def test_a_price_is_all_that_an_unpriced_built_in_model_needs(
    later_release: Callable[[str], None], load_with: LoadWith
) -> None:
    later_release(UNPRICED)
    assert "later-model" in {each.name for each in load_registry().unpriced}

    registry = load_with("later-model: {costPerImage: 0.07}\n")

    model = registry.model("later")
    assert (model.name, model.endpoint) == ("later-model", "fal-ai/later")
    assert "later-model" not in {each.name for each in registry.unpriced}
    assert model.estimate({}, {"image_size": {"width": 2048, "height": 1024}}).total == Decimal("0.14")
    assert not model.is_later_built_in


def test_price_of_an_unpriced_model_may_bring_its_own_rules(
    later_release: Callable[[str], None], load_with: LoadWith
) -> None:
    later_release(UNPRICED)

    registry = load_with("later-model:\n  costPerImage: 0.07\n  pricing: {unit: image}\n")

    assert registry.model("later-model").estimate({}, {"num_images": 2}).total == Decimal("0.14")


def test_only_an_unpriced_model_is_completed(later_release: Callable[[str], None], load_with: LoadWith) -> None:
    later_release(UNPRICED)

    with pytest.raises(CatalogError, match="expected the key 'falEndpoint'"):
        load_with("flux-pro: {costPerImage: 0.07}\n")
    with pytest.raises(CatalogError, match=r"mine\.yaml:1: later-model.*costPerImage"):
        load_with("later-model: {costPerImage: -1}\n")


@pytest.mark.parametrize(
    "own",
    [
        MINE.replace("mine:", "later.model:"),  # its classes have the same names
        MINE.replace("mine:", "later_model:"),
        f"{MINE}  aliases: [later-model]\n",
        f"{MINE}  aliases: [later]\n",
        MINE.replace("mine:", "later-model:"),
        MINE.replace("mine:", "later:"),
    ],
)
def test_model_of_a_later_release_never_stops_a_start(
    later_release: Callable[[str], None], load_with: LoadWith, own: str
) -> None:
    before = {name: model.endpoint for name, model in load_with(own).models.items()}
    later_release(UNPRICED.replace("required\n", "0.05\n"))

    registry = load_with(own)

    assert before.items() <= {name: model.endpoint for name, model in registry.models.items()}.items()
    mine = next(model for model in registry.models.values() if model.endpoint == "fal-ai/mine")
    assert all(registry.model(name) is mine for name in mine.names)


def test_user_takes_no_other_name_of_a_first_model(load_with: LoadWith) -> None:
    with pytest.raises(CatalogError, match="already has classes named FluxPro"):
        load_with(MINE.replace("mine:", "flux.pro:"))
    with pytest.raises(CatalogError, match="'flux-pro' is taken by 'flux-pro'"):
        load_with(f"{MINE}  aliases: [flux-pro]\n")


def test_first_models_and_those_of_the_user_are_not_later(
    later_release: Callable[[str], None], load_with: LoadWith
) -> None:
    later_release(UNPRICED.replace("required\n", "0.05\n"))

    later = {name for name, model in load_with(MINE).models.items() if model.is_later_built_in}

    assert "later-model" in later
    assert later.isdisjoint({*FIRST_MODELS, "mine"})
    with pytest.raises(InvalidInput):
        load_with(MINE).parse({"model": "later-model", "inputs": {}, "userId": "u"})
