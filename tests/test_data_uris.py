"""Data URIs as WHATWG specifies. The cases follow web-platform-tests, fetch/data-urls."""

import base64
import contextlib
import tracemalloc

import pytest

from imagegen.data_uris import MalformedDataUri, has_data, is_data_uri, read_data_uri
from tests.support.properties import given, st

READ = [
    ("data:,X", b"X"),
    ("data:", None),
    ("data:text/html", None),
    ("data:text/html    ;charset=x   ", None),
    ("data:,", b""),
    ("data:,X#X", b"X"),
    ("data:,%FF", b"\xff"),
    ("data:text/plain,X%4", b"X%4"),
    ("data:,é", "é".encode()),
    ("data:;base64;,WA", b"WA"),
    ("data:;base64,WA", b"X"),
    ("data:; base64,WA", b"X"),
    ("data:x;base64;x,WA", b"WA"),
    ("data:x;base64=x,WA", b"WA"),
    ("data:;base64 ,WA", b"X"),
    ("DATA:;BASE64,WA==", b"X"),
    ("data:;BaSe64,W%20A", b"X"),
    ("data:;base64,W\tA\n", b"X"),
    ("data:;base64,%0AWA%3D%3D", b"X"),
    ("data:;sendbase64,WA", b"WA"),
    ("  data:,X", b"X"),
    ("da\nta:,X", b"X"),
    ("data:;base64,W", None),
    ("data:;base64,WA=", None),
    ("data:;base64,WA===", None),
    ("data:;base64,W=A", None),
    ("data:;base64,W-_A", None),
    ("data:;base64,%f0%9f", None),
    ("http://data:,X", None),
]


@pytest.mark.parametrize(("text", "content"), READ, ids=range(len(READ)))
def test_data_uris_are_read_as_in_browsers(text: str, content: bytes | None) -> None:
    if content is None:
        with pytest.raises(MalformedDataUri):
            read_data_uri(text)
    else:
        assert (is_data_uri(text), has_data(text), read_data_uri(text)) == (True, True, content)


@given(st.binary(max_size=300), st.integers(1, 90), st.booleans(), st.sampled_from(["\n", "\r\n", " ", "\t", "%0A"]))
def test_all_encodings_of_bytes_are_read(content: bytes, width: int, padded: bool, between: str) -> None:
    text = base64.b64encode(content).decode()
    text = text if padded else text.rstrip("=")
    wrapped = between.join(text[at : at + width] for at in range(0, len(text), width))

    assert read_data_uri(f"data:image/png;base64,{wrapped}{between}") == content
    assert read_data_uri("data:," + "".join(f"%{byte:02x}" for byte in content)) == content


@given(st.text())
def test_other_text_raises_malformed_data_uri_only(text: str) -> None:
    for uri in (text, f"data:{text}", f"data:;base64,{text}"):
        with contextlib.suppress(MalformedDataUri):
            read_data_uri(uri)


def test_memory_stays_proportional_to_the_text() -> None:
    text = "data:," + "%41" * 2**20

    tracemalloc.start()
    assert len(read_data_uri(text)) == 2**20
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4 * len(text)
