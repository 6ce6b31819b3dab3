"""Images in the terminal: which terminals get them, and what is written to them."""

import base64

import pytest

from imagegen.cli.client.terminal_images import Protocol, escape_codes, protocol_of


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, Protocol.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, Protocol.KITTY),
        ({"TERM_PROGRAM": "iTerm.app"}, Protocol.ITERM),
        ({"TERM_PROGRAM": "WezTerm"}, Protocol.ITERM),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "iTerm.app"}, None),
        ({}, None),
    ],
)
def test_the_protocol_is_that_of_the_terminal(environ: dict[str, str], protocol: Protocol | None) -> None:
    assert protocol_of(environ) is protocol


def test_an_image_is_written_whole() -> None:
    png = bytes(range(256)) * 40
    (iterm,), kitty = list(escape_codes(png, Protocol.ITERM)), list(escape_codes(png, Protocol.KITTY))

    assert base64.b64decode(iterm.removesuffix("\a").rpartition(":")[2]) == png
    payload = "".join(code.removesuffix("\x1b\\").partition(";")[2] for code in kitty)
    assert base64.b64decode(payload) == png
    assert ["m=1" in code for code in kitty] == [True] * (len(kitty) - 1) + [False]
