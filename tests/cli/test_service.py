"""What the client does if an answer is lost, and what it sends to whom."""

from pathlib import Path

import httpx
import pytest
import respx

from imagegen.cli.client.service import Service
from imagegen.cli.client.target import Target, TargetOptions, read_target
from imagegen.cli.errors import InvalidArgument, Refused, ServiceUnreachable

URL = "http://service.test"
PROBLEM = {"code": "too_many_requests", "detail": "Later.", "status": 503}
PROFILES = '[default]\nurl = "https://images.example.com"\nkey_file = "{key}"\nuser = "shop"\n'


def a_service(tries: int = 3) -> Service:
    return Service(Target(URL, "ig_secret", "ann"), pauses=[0.0] * (tries - 1))


def test_a_lost_answer_is_asked_for_again_with_the_same_key(capsys: pytest.CaptureFixture[str]) -> None:
    sent: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.headers["idempotency-key"], request.headers["authorization"]))
        if len(sent) == 1:
            raise httpx.ReadError("connection reset")
        if len(sent) == 2:
            return httpx.Response(503, headers={"Retry-After": "0"}, json=PROBLEM)
        return httpx.Response(202, json={"jobId": "1"})

    with respx.mock(base_url=URL) as router:
        router.post("/api/images/generate").mock(side_effect=answer)
        assert a_service().post("/api/images/generate", {}, idempotency_key="once") == {"jobId": "1"}

    assert sent == [("once", "Bearer ig_secret")] * 3
    assert "does not answer; trying again in 0 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "expected", "tries"),
    [
        (httpx.Response(503, json=PROBLEM), Refused, 3),
        (httpx.Response(503, headers={"Retry-After": "600"}, json=PROBLEM), Refused, 1),
        (httpx.Response(400, json=PROBLEM), Refused, 1),
        (httpx.Response(200, text="<html>"), ServiceUnreachable, 1),
        (httpx.ReadTimeout("slow"), ServiceUnreachable, 3),
        (httpx.ConnectError("refused"), ServiceUnreachable, 1),
    ],
)
def test_it_gives_up_with_a_reason(answer: httpx.Response | Exception, expected: type[Exception], tries: int) -> None:
    with respx.mock(base_url=URL) as router:
        route = router.get("/api/jobs").mock(side_effect=[answer] * 4)
        with pytest.raises(expected):
            a_service().get("/api/jobs")

    assert len(route.calls) == tries


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("[Errno 111] Connection refused", "start the service with `imagegen serve`"),
        ("[Errno -2] Name or service not known", "Name or service not known; check --url"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED]", "cannot be reached: .*CERTIFICATE_VERIFY_FAILED.*; check --url"),
    ],
)
def test_a_service_that_is_not_reached_is_told_with_the_reason(reason: str, told: str) -> None:
    with respx.mock(base_url=URL) as router:
        router.get("/api/jobs").mock(side_effect=httpx.ConnectError(reason))
        with pytest.raises(ServiceUnreachable, match=told):
            a_service().get("/api/jobs")


@pytest.fixture
def _profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAGEGEN_URL", "IMAGEGEN_API_KEY", "IMAGEGEN_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "imagegen").mkdir()
    (tmp_path / "shop.key").write_text("ig_shop\n")
    (tmp_path / "imagegen/profiles.toml").write_text(PROFILES.format(key=tmp_path / "shop.key"))


@pytest.mark.usefixtures("_profiles")
def test_a_profiles_key_is_sent_to_its_service_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_target(TargetOptions()) == Target("https://images.example.com", "ig_shop", "shop")
    assert read_target(TargetOptions(url="http://localhost:5000")).key is None
    monkeypatch.setenv("IMAGEGEN_API_KEY", "ig_variable")
    assert read_target(TargetOptions()).key == "ig_variable"
    assert read_target(TargetOptions(profile="default")).key == "ig_shop"


@pytest.mark.usefixtures("_profiles")
@pytest.mark.parametrize("text", ["[default]\nkey = 'ig_x'\n", "[default]\nurl = 5\n", "default = 1\n", "[", "\xff"])
def test_a_wrong_profile_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "imagegen/profiles.toml").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidArgument, match=r"profiles\.toml"):
        read_target(TargetOptions())


@pytest.mark.usefixtures("_profiles")
def test_a_file_that_is_no_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("two\nlines\n")
    with pytest.raises(InvalidArgument, match="expected one API key"):
        read_target(TargetOptions(key_file=tmp_path / "other"))
