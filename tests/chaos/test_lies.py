"""The reckoning knows which requests fal lied about, and forgives only what that explains."""

import pytest
from test_ledger import AGAIN, AGAIN_KEY, FAILED, columns, paid, records


@pytest.mark.parametrize(("call", "is_rightful"), [("submit", True), ("result", True), ("status", False)])
async def test_only_a_lie_about_the_end_explains_a_picture_that_was_made_in_vain(
    call: str, *, is_rightful: bool
) -> None:
    lied_about = paid().model_copy(update={"dictated": {call: 1}})
    unowned = {**FAILED, "submission": {"state": "none", "request": None}}

    found = [await columns(records(document, paid=[lied_about])) for document in (FAILED, unowned)]

    assert found == ([[], []] if is_rightful else [["lost"], ["lost"]])


async def test_a_request_that_fal_said_had_ended_holds_no_slot() -> None:
    both = [paid(status=422), paid("r-2", at=(1.5, 3)).model_copy(update={"dictated": {"cancel": 1}})]

    assert await columns(records(FAILED, AGAIN, paid=both, objects=(AGAIN_KEY,)), bound=1) == []
