import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from imagegen.errors import SettingsError
from imagegen.settings import Settings

GROUPS: list[BaseModel] = [group for _, group in Settings()]
ANY_FIELD = sorted(str(info.validation_alias) for group in GROUPS for info in type(group).model_fields.values())


def faults(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        Settings.read(environ, dotenv=None)
    return refused.value.faults


def test_without_variables_every_server_is_local() -> None:
    assert Settings.read({}, dotenv=None).unset_servers == ("fal", "mongodb", "s3", "nats")


def test_variable_names_a_server() -> None:
    environ = {"FAL_KEY": "id:secret", "MONGODB_URL": "mongodb://db/", "S3_BUCKET": "pictures", "NATS_URL": "nats://q"}

    assert Settings.read(environ, dotenv=None).unset_servers == ()


def test_empty_variable_counts_as_unset() -> None:
    assert "fal" in Settings.read({"FAL_KEY": ""}, dotenv=None).unset_servers


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("IMAGEGEN_WAIT=5s\nNATS_STREAM=from-file\n")

    settings = Settings.read({"IMAGEGEN_WAIT": "90"}, dotenv=tmp_path / ".env")

    assert (settings.service.wait, settings.nats.stream) == (timedelta(seconds=90), "from-file")


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("1.5s", 1.5), ("10m", 600), ("24h", 86400), ("2d", 172800)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert Settings.read({"IMAGEGEN_WAIT": text}, dotenv=None).service.wait == timedelta(seconds=seconds)


def test_all_faults_are_reported_with_value_and_expectation() -> None:
    assert faults(IMAGEGEN_WAIT="soon", FAL_QUEUE_URL="queue.fal.run", S3_BUCKET="No!") == (
        "FAL_QUEUE_URL is 'queue.fal.run': expected an address such as https://host or http://127.0.0.1:9000",
        "S3_BUCKET is 'No!': expected a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens",
        "IMAGEGEN_WAIT is 'soon': expected a duration such as 30s, 10m or 24h",
    )


def test_secret_values_are_hidden() -> None:
    (fault,) = faults(MONGODB_URL="postgres://user:hunter2@db/")

    assert fault == "MONGODB_URL is (hidden): expected mongodb://… or mongodb+srv://…"


@pytest.mark.parametrize("option", ["w=1", "w=0", "journal=false"])
def test_weak_write_concern_is_refused(option: str) -> None:
    (fault,) = faults(MONGODB_URL=f"mongodb://db/?{option}")

    assert "loses accepted jobs" in fault or "would be lost" in fault


def test_fal_address_without_a_key_is_refused() -> None:
    assert faults(FAL_QUEUE_URL="http://127.0.0.1:1") == (
        "FAL_QUEUE_URL is set but FAL_KEY is not: set both, or neither for the local sandbox",
    )


def test_production_requires_all_servers_but_the_queue() -> None:
    assert [fault.partition(" ")[0] for fault in faults(IMAGEGEN_ENV="production")] == [
        "FAL_KEY",
        "MONGODB_URL",
        "S3_BUCKET",
    ]


def test_repr_hides_secrets() -> None:
    environ = {"FAL_KEY": "id:hunter2", "MONGODB_URL": "mongodb://u:hunter2@db/", "NATS_URL": "nats://u:hunter2@q"}
    environ |= {"AWS_ACCESS_KEY_ID": "hunter2", "AWS_SECRET_ACCESS_KEY": "hunter2"}

    assert "hunter2" not in repr(Settings.read(environ, dotenv=None))


def test_secrets_lists_every_secret_and_its_parts() -> None:
    environ = {
        "FAL_KEY": "id:fals-secret",
        "MONGODB_URL": "mongodb://user:mongo%2Fs@db1:1,db2:2/?replicaSet=rs0",
        "NATS_URL": "nats://token-1@a:4222,nats://user:password-2@b:4222",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "aws-secret",
        "WEBHOOK_SECRETS": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=of-otlp,x=y",
    }
    known = set(Settings.read(environ, dotenv=None).secrets)

    assert known >= {"id:fals-secret", "fals-secret", "mongo/s", "mongo%2Fs", "token-1", "password-2", "aws-secret"}
    assert known >= {environ["WEBHOOK_SECRETS"], "of-otlp"}


def test_log_format_depends_on_environment_unless_set() -> None:
    servers = {"FAL_KEY": "id:s", "MONGODB_URL": "mongodb://db/", "S3_BUCKET": "pictures"}
    production = {**servers, "IMAGEGEN_ENV": "production"}
    said = {**production, "IMAGEGEN_LOG_FORMAT": "console"}

    formats = [Settings.read(environ, dotenv=None).log_format for environ in ({}, production, said)]
    assert formats == ["console", "json", "console"]


def test_unsupported_otlp_protocol_is_refused() -> None:
    (fault,) = faults(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")

    assert fault.startswith("OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc': ")


WRONG = {
    ("IMAGEGEN_CONCURRENCY", "many"): "'many': expected a whole number",
    ("IMAGEGEN_CONCURRENCY", "0"): "'0': expected at least 1",
    ("FAL_CONCURRENCY", "20000"): "'20000': expected at most 10000",
    ("IMAGEGEN_LEASE", "1s"): "'1s': expected at least 3 seconds",
    ("S3_PRESIGN_EXPIRES", "8d"): "'8d': expected at most 7 days",
    ("IMAGEGEN_WAIT", "0"): "'0': expected more than 0 seconds",
    ("IMAGEGEN_ENV", "prod"): "'prod': expected development or production",
    ("IMAGEGEN_LOG_LEVEL", "verbose"): "'verbose': expected debug, info, warning or error",
    ("IMAGEGEN_LOG_FORMAT", "text"): "'text': expected json or console",
    ("IMAGEGEN_TRANSFER_MEMORY", "big"): "'big': expected a size such as 64MiB, 512KiB or 20000000",
    ("IMAGEGEN_TRANSFER_MEMORY", "1MiB"): "'1MiB': expected at least 16MiB",
    ("IMAGEGEN_ALLOW_ANONYMOUS", "maybe"): "'maybe': expected 1 or 0",
    ("S3_PUBLICLY_REACHABLE", "perhaps"): "'perhaps': expected 1 or 0",
    ("MONGODB_DATABASE", "a b"): "'a b': expected a name of 1 to 38 letters, digits, _ and -",
    ("NATS_STREAM", "a.b"): "'a.b': expected a name of 1 to 64 letters, digits, _ and -",
    ("IMAGEGEN_METRICS_PORT", "http"): "'http': expected a whole number",
    ("IMAGEGEN_METRICS_PORT", "70000"): "'70000': expected at most 65535",
    ("IMAGEGEN_METRICS_HOST", "a b"): "'a b': expected an address to listen on, such as 127.0.0.1 or 0.0.0.0",
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"): "'grpc': expected http/protobuf",
    ("NATS_URL", "http://q"): "(hidden): expected nats://host:4222 or tls://host:4222",
    (
        "FAL_KEY",
        "abc",
    ): "(hidden): expected a key of the form id:secret, as fal.ai's dashboard shows it once",
}


@pytest.mark.parametrize(("variable", "value"), WRONG)
def test_wrong_value_is_reported_with_what_is_expected(variable: str, value: str) -> None:
    assert faults(**{variable: value}) == (f"{variable} is {WRONG[variable, value]}",)


@pytest.mark.parametrize("info", ANY_FIELD)
def test_every_message_says_what_is_expected(info: str) -> None:
    """For values that no variable accepts, every message begins with what was expected."""
    for value in ("\x01 ?", "-1", "1e400"):
        try:
            Settings.read({info: value}, dotenv=None)
        except SettingsError as error:
            told = [fault for fault in error.faults if fault.startswith(f"{info} is ")]
            assert [fault for fault in told if not re.search(r": (expected|w must|journal must)", fault)] == []


@pytest.mark.parametrize(
    "key", ["abc", ":", "id:", ":secret", "id: secret", "Key id:secret", "id:s\u00e9cret", "id:s\nx"]
)
def test_malformed_fal_key_is_refused_and_hidden(key: str) -> None:
    (fault,) = faults(FAL_KEY=key)

    assert fault.startswith("FAL_KEY is (hidden): expected a key of the form id:secret")


@pytest.mark.parametrize("key", ["id:secret", "local:sandbox", "0f9e-1:abc:def", "main:secret-of-the-tests"])
def test_fal_key_of_two_parts_is_accepted(key: str) -> None:
    assert Settings.read({"FAL_KEY": key}, dotenv=None).fal.key is not None


UNKNOWN = {
    "IMAGEGEN_CONCURENCY": "did you mean IMAGEGEN_CONCURRENCY?",
    "IMAGEGEN_CATALOGUE": "did you mean IMAGEGEN_CATALOG?",
    "IMAGEGEN_XYZZY_PLUGH": "is ignored",
    "FAL_KEYS": "did you mean FAL_KEY?",
    "FAL_KEY_SECRET": "is ignored",
    "MONGODB_URI": "did you mean MONGODB_URL?",
    "MONGO_URL": "did you mean MONGODB_URL?",
    "S3_BUCKETS": "did you mean S3_BUCKET?",
    "NATS_URLS": "did you mean NATS_URL?",
    "WEBHOOK_SECRET": "did you mean WEBHOOK_SECRETS?",
    "CORS_ORIGIN": "did you mean CORS_ORIGINS?",
    "IMAGEGN_WAIT": "did you mean IMAGEGEN_WAIT?",
    "imagegen_wait": "did you mean IMAGEGEN_WAIT?",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_variable_has_a_suggestion(name: str) -> None:
    (warning,) = Settings.read({name: "hunter2"}, dotenv=None).warnings

    assert warning.startswith(f"{name} is not a variable of imagegen and is ignored")
    assert UNKNOWN[name] in warning
    assert "hunter2" not in warning


def test_variables_of_other_programs_are_ignored() -> None:
    names = ("PATH", "HOME", "AWS_PROFILE", "AWS_DEFAULT_REGION", "OTEL_RESOURCE_ATTRIBUTES", "NATS_SERVICE_HOST")
    names += ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "NATS_PORT_4222_TCP_ADDR", "IMAGEGEN_SERVICE_PORT_HTTP", "S3_PORT")
    names += ("IMAGEGEN_PORT", "NATS_PASSWORD", "MONGODB_PASSWORD", "MONGODB_ROOT_PASSWORD", "S3_SECRET_KEY")

    assert Settings.read(dict.fromkeys(names, "x"), dotenv=None).warnings == ()


def test_unknown_variables_in_the_file_are_reported(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("IMAGEGEN_WAITS=5s\n")

    assert len(Settings.read({}, dotenv=tmp_path / ".env").warnings) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_of_processes_add_up_to_the_limits(count: int) -> None:
    environ = {"IMAGEGEN_MAX_WAITING": "5", "IMAGEGEN_MAX_STREAMS": "0", "IMAGEGEN_TRANSFER_MEMORY": "113MiB"}
    whole = Settings.read(environ, dotenv=None)
    shares = [whole.share(number, count) for number in range(count)]

    for limit in ("concurrency", "transfer_memory"):
        assert sum(getattr(share.service, limit) for share in shares) == getattr(whole.service, limit)
    for limit in ("max_connections", "receive_memory", "max_waiting", "max_streams", "max_downloads"):
        assert sum(getattr(share.limits, limit) for share in shares) == getattr(whole.limits, limit)


def test_part_that_is_too_small_for_a_process_is_named() -> None:
    whole = Settings.read(
        {
            "IMAGEGEN_CONCURRENCY": "2",
            "IMAGEGEN_MAX_CONNECTIONS": "1",
            "IMAGEGEN_TRANSFER_MEMORY": "47MiB",
            "IMAGEGEN_RECEIVE_MEMORY": "62MiB",
            "IMAGEGEN_MAX_WAITING": "0",
        },
        dotenv=None,
    )

    with pytest.raises(SettingsError) as error:
        whole.share(0, 3)

    assert str(error.value).splitlines() == [
        "IMAGEGEN_CONCURRENCY is 2: each of 3 processes needs at least 1",
        "IMAGEGEN_TRANSFER_MEMORY is 47MiB: each of 3 processes needs at least 16MiB",
        "IMAGEGEN_MAX_CONNECTIONS is 1: each of 3 processes needs at least 1",
        "IMAGEGEN_RECEIVE_MEMORY is 62MiB: each of 3 processes needs at least 21MiB",
    ]


@pytest.mark.parametrize(
    ("largest", "needed"),
    [
        ({"IMAGEGEN_MAX_BATCH_BYTES": "40MiB"}, "40MiB"),
        ({"IMAGEGEN_MAX_BODY_BYTES": "2MiB", "IMAGEGEN_MAX_DATA_URI_BYTES": "30MiB"}, "32MiB"),
        ({"IMAGEGEN_MAX_UPLOAD_BYTES": "900MiB"}, None),  # goes to a file
    ],
)
def test_every_process_has_memory_for_the_largest_body(largest: dict[str, str], needed: str | None) -> None:
    whole = Settings.read({"IMAGEGEN_RECEIVE_MEMORY": "63MiB", **largest}, dotenv=None)

    if needed is None:
        assert whole.share(2, 3).limits.receive_memory == 21 * 2**20
        return
    with pytest.raises(SettingsError, match=f"IMAGEGEN_RECEIVE_MEMORY is 63MiB: .* at least {needed}"):
        whole.share(2, 3)
