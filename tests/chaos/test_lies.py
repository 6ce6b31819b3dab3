"""The reckoning knows which requests got a wrong response from fal, and excuses only what that explains."""

import pytest

from tests.chaos.test_ledger import AGAIN, AGAIN_KEY, FAILED, columns, paid, records


@pytest.mark.parametrize(("call", "is_rightful"), [("submit", True), ("result", True), ("status", False)])
async def test_only_a_wrong_end_excuses_a_discarded_image(call: str, *, is_rightful: bool) -> None:
    lied_about = paid().model_copy(update={"dictated": {call: 1}})
    unowned = {**FAILED, "submission": {"state": "none", "request": None}}

    found = [await columns(records(document, paid=[lied_about])) for document in (FAILED, unowned)]

    assert found == ([[], []] if is_rightful else [["lost"], ["lost"]])


async def test_request_reported_as_ended_holds_no_slot() -> None:
    both = [paid(status=422), paid("r-2", at=(1.5, 3)).model_copy(update={"dictated": {"cancel": 1}})]

    assert await columns(records(FAILED, AGAIN, paid=both, objects=(AGAIN_KEY,)), bound=1) == []
