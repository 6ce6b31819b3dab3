"""Keys as fal's clients send them. Pure."""

import pytest

from imagegen.doors.fal.key_forms import KeyForm, with_bearer_key

ID, SECRET = "k1234567ab", "S" * 43
TOKEN = f"ig_{ID}_{SECRET}"
FOREIGN = "0f1e2d3c-aaaa-bbbb-cccc-000000000000:6b1f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"


def sent(*values: str) -> tuple[list[str], KeyForm]:
    headers = [(b"authorization", value.encode()) for value in values]
    scope, form = with_bearer_key({"type": "http", "headers": [(b"host", b"here"), *headers]})
    return [value.decode() for name, value in scope["headers"] if name == b"authorization"], form


@pytest.mark.parametrize(
    "value",
    [
        f"Key {TOKEN}",
        f"key {TOKEN}",
        f"Bearer {TOKEN}",
        f"Key {ID}:{SECRET}",
        f"Key ig_{ID}:{SECRET}",
        f"Key  {TOKEN} ",
    ],
)
def test_our_key_in_any_form_becomes_a_bearer_token(value: str) -> None:
    assert sent(value) == ([f"Bearer {TOKEN}"], KeyForm.OURS)


@pytest.mark.parametrize(
    "value", [f"Key {FOREIGN}", f"Bearer {FOREIGN}", "Key", "Key ", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"]
)
def test_key_of_fal_goes_no_further(value: str) -> None:
    headers, form = sent(value)

    assert form is KeyForm.FOREIGN
    assert headers == ["Bearer not-a-key-of-this-service"]


def test_two_keys_are_left_for_the_api_to_refuse() -> None:
    assert sent(f"Key {TOKEN}", f"Key {FOREIGN}")[1] is KeyForm.FOREIGN


def test_request_without_a_key_has_none() -> None:
    assert sent() == ([], KeyForm.NONE)


def test_token_of_an_upload_is_not_touched() -> None:
    assert sent("Bearer igup_abc.def") == (["Bearer igup_abc.def"], KeyForm.OURS)
