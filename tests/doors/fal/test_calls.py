"""A flat body becomes a request of the model of its endpoint. Pure."""

import pytest
from pydantic import JsonValue
from starlette.datastructures import Headers

from imagegen.api.http.problems import HttpProblem
from imagegen.clock import now
from imagegen.doors.fal.calls import model_of, sort_members, user_of
from imagegen.errors import InvalidInput
from imagegen.keys import Caller, new_key
from imagegen.registry import Registry, load_registry
from imagegen.settings import ServiceSettings, Settings

SETTINGS = Settings(service=ServiceSettings(default_user="everyone"))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("fal-ai/flux-pro/v1.1", "flux-pro"),
        ("fal-ai/flux/dev", "flux-dev"),
        ("fal-ai/flux-lora", "flux-lora"),
        ("flux/dev", "flux-dev"),
        ("flux-pro", "flux-pro"),
    ],
)
def test_endpoint_leads_to_its_model(registry: Registry, endpoint: str, name: str) -> None:
    assert model_of(endpoint, registry).name == name


def test_route_leads_to_its_model_if_no_model_has_it_as_its_own(registry: Registry) -> None:
    others = {name: model for name, model in registry.models.items() if name != "flux-lora"}

    assert model_of("fal-ai/flux-lora", Registry(others)).name == "flux-dev"


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("fal-ai/flux-pro/v1.2", "The nearest is 'fal-ai/flux-pro/v1.1'. The operator"),
        ("openai/some-model", "No model here has the endpoint 'openai/some-model'. The operator"),
        ("workflows/me/mine", "workflows and ComfyUI apps are not supported here"),
    ],
)
def test_unknown_endpoint_is_404_with_words(registry: Registry, endpoint: str, words: str) -> None:
    with pytest.raises(HttpProblem) as raised:
        model_of(endpoint, registry)

    assert raised.value.status_code == 404
    assert words in str(raised.value.detail)


def test_members_go_where_the_model_has_them(registry: Registry) -> None:
    body: dict[str, JsonValue] = {
        "prompt": "A fox",
        "num_images": 2,
        "seed": None,
        "sync_mode": True,
        "image_size": {"width": 512, "height": 512},
        "negative_prompt": "dogs",
        "x" * 100: 1,
    }

    assert sort_members(body, registry.model("flux-pro")) == (
        {
            "inputs": {"prompt": "A fox"},
            "options": {"num_images": 2, "image_size": {"width": 512, "height": 512}},
        },
        ("negative_prompt", "x" * 60),
    )


def test_only_some_of_many_unknown_names_are_kept(registry: Registry) -> None:
    _, ignored = sort_members({f"name{number}": 1 for number in range(100)}, registry.model("flux-pro"))

    assert len(ignored) == 20


def caller(users: tuple[str, ...] = (), default_user: str | None = None) -> Caller:
    return Caller(new_key("shop", now(), users=users, default_user=default_user)[0])


@pytest.mark.parametrize(
    ("asking", "header", "user"),
    [
        (Caller(), None, "everyone"),
        (Caller(), "ann", "ann"),
        (caller(), None, "everyone"),
        (caller(default_user="bob"), None, "bob"),
        (caller(("eve",)), None, "eve"),
        (caller(("eve",)), "ann", "ann"),  # refused by the check of the caller's rights
        (caller(("eve", "bob"), "bob"), None, "bob"),
        (caller(("eve", "everyone")), None, "everyone"),
    ],
)
def test_user_is_named_or_follows_from_the_key(asking: Caller, header: str | None, user: str) -> None:
    headers = Headers({"x-imagegen-user-id": header} if header else {})

    assert user_of(headers, asking, SETTINGS) == user


def test_key_for_several_users_needs_a_name() -> None:
    with pytest.raises(InvalidInput, match="name one of them in the header x-imagegen-user-id"):
        user_of(Headers({}), caller(("eve", "bob")), SETTINGS)
