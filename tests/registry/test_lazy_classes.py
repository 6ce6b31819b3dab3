"""A model's classes are made at its first use: a start with many models stays fast and small."""

import json
import subprocess
import sys
import timeit
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, cast

import pytest
from pydantic import TypeAdapter

from imagegen.registry import Registry, load_registry
from imagegen.registry.annotations import ClosedObject
from imagegen.registry.assembly import check
from imagegen.registry.loading import built_in_entries
from tests.registry.conftest import LoadWith

ENTRY = """
{name}:
  falEndpoint: fal-ai/mine
  category: text-to-image
  description: Mine
  requiredInputs: [prompt]
  costPerImage: 0.1
"""
MEASURED = """
import gc, json, resource, time
import imagegen.server

def memory():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

imported, before = time.process_time(), memory()
started = time.process_time()
from imagegen.api import create_app
from imagegen.registry import load_registry
app = create_app(load_registry())
print(json.dumps([imported, time.process_time() - started, (memory() - before) / 2**20]))
"""


def classes_of_requests(known: list[type]) -> list[str]:
    return [made.__name__ for made in subclasses(ClosedObject) if made not in known]


def subclasses(of: type) -> list[type]:
    return [each for direct in of.__subclasses__() for each in (direct, *subclasses(direct))]


def test_built_in_entries_pass_the_checks_of_a_users_entry(registry: Registry) -> None:
    for resolved in built_in_entries():
        if resolved.name in registry.models:
            check(resolved, registry.models[resolved.name])


def test_start_makes_no_class_and_a_request_those_of_its_model_only() -> None:
    known = subclasses(ClosedObject)

    registry = load_registry()
    assert classes_of_requests(known) == ["BatchRequest"]

    registry.parse({"model": "flux-pro", "inputs": {"prompt": "x"}, "userId": "u"})
    of_model = {"FluxProInputs", "FluxProOptions", "FluxProRequest"}
    assert set(classes_of_requests(known)) == {"BatchRequest", "ImageSize", *of_model}


def test_entry_of_a_user_is_checked_when_it_is_read(load_with: LoadWith) -> None:
    known = subclasses(ClosedObject)
    registry = load_with(ENTRY.format(name="mine"))

    assert "MineRequest" in classes_of_requests(known)
    assert "FluxProRequest" not in classes_of_requests(known)
    assert registry.model("mine").request_class.__name__ == "MineRequest"


def test_threads_share_the_classes_of_a_model() -> None:
    registry, threads = load_registry(), 8
    together = Barrier(threads)

    def classes(number: int) -> list[Any]:
        together.wait()
        models = [*registry.models.values()]
        models = models[number % len(models) :] + models[: number % len(models)]
        made = {model.name: (model.request_class, model.item_class, model.estimate_class) for model in models}
        return [made[name] for name in registry.models]

    with ThreadPoolExecutor(threads) as pool:
        first, *others = pool.map(classes, range(threads))

    assert others == [first] * (threads - 1)
    names = [each.__name__ for made in first for each in made]
    assert len({*names}) == len(names)
    assert not any(name.endswith("2") for name in registry.request_schemas("#/"))


@pytest.mark.parametrize("first_used", ["poster", "poster-estimate"])
def test_names_of_classes_do_not_depend_on_which_model_is_used_first(load_with: LoadWith, first_used: str) -> None:
    registry = load_with(ENTRY.format(name="poster") + ENTRY.format(name="poster-estimate"))

    registry.parse({"model": first_used, "inputs": {"prompt": "x"}, "userId": "u"})
    schemas = registry.request_schemas("#/")

    requests = [name for name in schemas if name.startswith("Poster") and name.rstrip("2").endswith("Request")]
    inputs = {name: schemas[name]["properties"]["inputs"]["$ref"] for name in requests}
    assert inputs == {
        "PosterRequest": "#/PosterInputs",
        "PosterEstimateRequest": "#/PosterEstimateInputs2",
        "PosterEstimateRequest2": "#/PosterEstimateInputs",
        "PosterEstimateEstimateRequest": "#/PosterEstimateEstimateInputs",
    }


@pytest.mark.timed
def test_models_add_little_to_the_start_of_a_process() -> None:
    """The processor time is compared with that of the imports, which no catalog changes."""
    measured = [
        json.loads(subprocess.run([sys.executable, "-c", MEASURED], check=True, stdout=subprocess.PIPE).stdout)  # noqa: S603
        for _ in range(3)
    ]

    assert min(loading / imports for imports, loading, _ in measured) < 0.35
    assert min(memory for *_, memory in measured) < 15


@pytest.mark.timed
def test_finding_the_class_of_a_request_costs_little(registry: Registry) -> None:
    """FastAPI validates a body with the union, which calls the validator of the model's class."""
    body = {"model": "flux-pro", "inputs": {"prompt": "x"}, "options": {"num_images": 2}, "userId": "u"}
    union = TypeAdapter[object](cast("Any", registry.request_type)).validate_python
    direct = registry.model("flux-pro").request_class.model_validate

    ratios = [
        min(timeit.repeat(lambda: union(body), number=500, repeat=5))
        / min(timeit.repeat(lambda: direct(body), number=500, repeat=5))
        for _ in range(5)
    ]

    assert min(ratios) < 1.3
