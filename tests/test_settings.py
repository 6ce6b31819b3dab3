from datetime import timedelta
from pathlib import Path

import pytest

from imagegen.errors import SettingsError
from imagegen.settings import Settings


def faults(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        Settings.read(environ, dotenv=None)
    return refused.value.faults


def test_nothing_set_means_a_local_server_for_each() -> None:
    assert Settings.read({}, dotenv=None).unset_servers == ("fal", "mongodb", "s3", "nats")


def test_a_variable_names_a_server() -> None:
    environ = {"FAL_KEY": "id:secret", "MONGODB_URL": "mongodb://db/", "S3_BUCKET": "pictures", "NATS_URL": "nats://q"}

    assert Settings.read(environ, dotenv=None).unset_servers == ()


def test_a_variable_set_to_nothing_counts_as_unset() -> None:
    assert "fal" in Settings.read({"FAL_KEY": ""}, dotenv=None).unset_servers


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("IMAGEGEN_WAIT=5s\nNATS_STREAM=from-file\n")

    settings = Settings.read({"IMAGEGEN_WAIT": "90"}, dotenv=tmp_path / ".env")

    assert (settings.service.wait, settings.nats.stream) == (timedelta(seconds=90), "from-file")


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("1.5s", 1.5), ("10m", 600), ("24h", 86400), ("2d", 172800)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert Settings.read({"IMAGEGEN_WAIT": text}, dotenv=None).service.wait == timedelta(seconds=seconds)


def test_every_fault_is_named_at_once_with_its_value_and_what_was_expected() -> None:
    assert faults(IMAGEGEN_WAIT="soon", FAL_QUEUE_URL="queue.fal.run", S3_BUCKET="No!") == (
        "FAL_QUEUE_URL is 'queue.fal.run': expected an address such as https://host or http://127.0.0.1:9000",
        "S3_BUCKET is 'No!': String should match pattern '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$'",
        "IMAGEGEN_WAIT is 'soon': expected a duration such as 30s, 10m or 24h",
    )


def test_a_secret_is_never_shown() -> None:
    (fault,) = faults(MONGODB_URL="postgres://user:hunter2@db/")

    assert fault == "MONGODB_URL is (hidden): expected mongodb://… or mongodb+srv://…"


@pytest.mark.parametrize("option", ["w=1", "w=0", "journal=false"])
def test_a_write_concern_that_loses_accepted_jobs_is_refused(option: str) -> None:
    (fault,) = faults(MONGODB_URL=f"mongodb://db/?{option}")

    assert "loses accepted jobs" in fault or "would be lost" in fault


def test_an_address_of_fal_without_a_key_is_refused() -> None:
    assert faults(FAL_QUEUE_URL="http://127.0.0.1:1") == (
        "FAL_QUEUE_URL is set but FAL_KEY is not: set both, or neither for the local sandbox",
    )


def test_production_names_every_server_that_is_missing_but_allows_a_local_queue() -> None:
    assert [fault.partition(" ")[0] for fault in faults(IMAGEGEN_ENV="production")] == [
        "FAL_KEY",
        "MONGODB_URL",
        "S3_BUCKET",
    ]


def test_secrets_do_not_show_in_a_repr() -> None:
    environ = {"FAL_KEY": "id:hunter2", "MONGODB_URL": "mongodb://u:hunter2@db/", "NATS_URL": "nats://u:hunter2@q"}
    environ |= {"AWS_ACCESS_KEY_ID": "hunter2", "AWS_SECRET_ACCESS_KEY": "hunter2"}

    assert "hunter2" not in repr(Settings.read(environ, dotenv=None))


def test_every_secret_and_every_part_of_one_is_known_to_whoever_must_not_show_it() -> None:
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


def test_the_log_is_json_in_production_and_for_people_elsewhere_unless_it_is_said() -> None:
    servers = {"FAL_KEY": "id:s", "MONGODB_URL": "mongodb://db/", "S3_BUCKET": "pictures"}
    production = {**servers, "IMAGEGEN_ENV": "production"}
    said = {**production, "IMAGEGEN_LOG_FORMAT": "console"}

    formats = [Settings.read(environ, dotenv=None).log_format for environ in ({}, production, said)]
    assert formats == ["console", "json", "console"]


def test_a_protocol_of_opentelemetry_that_is_not_spoken_is_refused() -> None:
    (fault,) = faults(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")

    assert fault.startswith("OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc': ")
