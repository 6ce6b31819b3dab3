"""The container files agree with the code and with each other; no engine is needed to see that."""

import asyncio
import re
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

import imagegen
from imagegen.local.binaries import NATS_SERVER, find
from imagegen.settings import Settings
from tests.support.processes import free_port

ROOT: Final = Path(__file__).parent.parent
COMPOSE: Final[dict[str, Any]] = YAML(typ="safe", pure=True).load(ROOT / "docker-compose.yml")  # pyright: ignore[reportUnknownMemberType] - no stubs
SERVICES: Final[dict[str, Any]] = COMPOSE["services"]


def locked(file: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+==\S+)", (ROOT / "requirements" / file).read_text(), re.MULTILINE))


def variables() -> set[str]:
    groups: list[BaseModel] = [group for _, group in Settings()]
    return {str(info.validation_alias) for group in groups for info in type(group).model_fields.values()}


def filled(value: str) -> str:
    """What compose makes of a value: defaults taken, and what must be set is set to a word, a key of fal's to one."""
    value = re.sub(r"\$\{FAL_KEY:\?[^}]*\}", "id:secret", value)
    value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    return re.sub(r"\$\{\w+:\?[^}]*\}", "word", value)


def yaml(page: str, beginning: str) -> dict[str, Any]:
    """The block of YAML in the page that begins so."""
    (block,) = (block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if block.startswith(beginning))
    return YAML(typ="safe", pure=True).load(block)  # pyright: ignore[reportUnknownMemberType] - no stubs


def test_the_image_has_the_versions_that_the_tests_run_on_and_no_local_servers() -> None:
    runtime = locked("runtime.txt")

    assert runtime < locked("serve.txt") < locked("dev.txt")
    assert not {name for name in locked("serve.txt") if name.startswith(("pytest", "pyright", "ruff"))}
    assert not {name for name in runtime if name.startswith(("fiftyone", "seaweedfs", "nats-server", "pytest"))}


def test_the_api_and_the_workers_get_variables_that_the_code_reads_and_finds_right() -> None:
    for name in ("api", "worker"):
        environ = {key: filled(str(value)) for key, value in SERVICES[name]["environment"].items()}

        assert environ.keys() <= variables()
        assert Settings.read(environ, dotenv=None).unset_servers == ()


def test_prometheus_finds_every_process_inside_the_network_and_nobody_does_outside() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    override, prometheus = (yaml(page, beginning) for beginning in ("services:\n  prometheus:", "rule_files:"))
    ((scraped,),) = (each["dns_sd_configs"] for each in prometheus["scrape_configs"])
    mounts = [mount.split(":")[0] for mount in override["services"]["prometheus"]["volumes"]]

    for name in ("api", "worker"):
        service = SERVICES[name]
        environ = {key: filled(str(value)) for key, value in service["environment"].items()}
        metrics, port = Settings.read(environ, dotenv=None).metrics, str(scraped["port"])
        assert (metrics.host, str(metrics.port), service["expose"]) == (str(IPv4Address(0)), port, [port])
        assert [published for published in service.get("ports", []) if port in published] == []
    assert scraped["names"] == [name for name, service in SERVICES.items() if "build" in service]
    assert [mount for mount in mounts if not (ROOT / mount).is_file()] == ["./prometheus.yml"]


def test_links_lead_to_the_port_that_s3_publishes() -> None:
    address = filled(SERVICES["api"]["environment"]["S3_PRESIGN_ENDPOINT_URL"])

    assert SERVICES["s3"]["ports"] == [f"127.0.0.1:{address.rpartition(':')[2]}:8333"]


def test_there_are_two_workers_and_everything_that_is_waited_for_can_be() -> None:
    needs = {"service_healthy": "healthcheck", "service_completed_successfully": "command"}
    waits = [wait for service in SERVICES.values() for wait in service.get("depends_on", {}).items()]

    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert [name for name, wait in waits if needs[wait["condition"]] not in SERVICES[name]] == []


def test_every_volume_and_mounted_file_is_there() -> None:
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]

    assert {mount for mount in mounts if not mount.startswith(".")} == COMPOSE["volumes"].keys()
    assert [mount for mount in mounts if mount.startswith(".") and not (ROOT / mount).is_file()] == []


def test_images_are_pinned_and_ours_carries_the_version() -> None:
    images = {service["image"] for service in SERVICES.values()}

    assert f"imagegen:{imagegen.__version__}" in images
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    exact = re.compile(r"(imagegen|mongo|nats|python|chrislusf/seaweedfs):\d+\.\d+(\.\d+)?(-[a-z-]+)?")
    assert [image for image in (*images, *bases) if not exact.fullmatch(image)] == []
    assert [image for image in (*images, *bases) if image.count(".") < 2 and "seaweedfs" not in image] == []


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_confined(name: str) -> None:
    service = SERVICES[name]

    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert (service["read_only"], service["tmpfs"]) == (True, ["/tmp"])  # noqa: S108 - in the container
    assert re.fullmatch(r"[1-9]\d*[mg]", str(service["mem_limit"]))
    assert service["pids_limit"] > 0
    assert service.get("cap_add", []) == (["DAC_OVERRIDE"] if name == "s3" else [])
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_no_password_is_on_a_command_line(name: str) -> None:
    service = SERVICES[name]
    scripts = [
        service.get("command", []),
        service.get("entrypoint", []),
        service.get("healthcheck", {}).get("test", []),
    ]
    words = " ".join(word for script in scripts for word in script)
    programs = " ".join(line for line in words.splitlines() if not line.strip().startswith("printf "))  # of the shell

    assert "${" not in words.replace("$${", "")  # compose would fill it in
    assert not re.search(r"\$\$?\{?\w*(?:PASSWORD|SECRET|FAL_KEY|USERNAME)", programs)
    assert not re.search(r"--(?:user|pass|password)\b", programs)


async def test_nats_takes_its_password_from_the_environment_whatever_it_looks_like(tmp_path: Path) -> None:
    ports = {"4222": free_port(), "8222": free_port()}
    text = (ROOT / "compose/nats.conf").read_text().replace('"/data"', f'"{tmp_path}"')
    for written, port in ports.items():
        text = re.sub(rf"\b{written}\b", str(port), text)
    await asyncio.to_thread((tmp_path / "nats.conf").write_text, text)
    program = await asyncio.to_thread(find, NATS_SERVER, None)
    written = filled(SERVICES["nats"]["environment"]["NATS_PASSWORD"])
    for password in ("123e4", "0x12", "007", "true", "word"):
        nats = await asyncio.create_subprocess_exec(
            *(program, "--config", str(tmp_path / "nats.conf")),
            env={"NATS_PASSWORD": written.replace("word", password)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            assert await says(ports["4222"], password) == b"PONG\r\n"
            assert (await says(ports["4222"], "another")).startswith(b"-ERR 'Authorization Violation'")
        finally:
            nats.kill()
            await nats.wait()


async def says(port: int, password: str) -> bytes:
    """What NATS answers to a ping with this password."""
    async with asyncio.timeout(20):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                await asyncio.sleep(0.05)
        try:
            await reader.readline()
            writer.write(f'CONNECT {{"verbose":false,"user":"imagegen","pass":"{password}"}}\r\nPING\r\n'.encode())
            return await reader.readline()
        finally:
            writer.close()


def test_s3_has_no_http_but_that_which_asks_for_a_key_or_a_token() -> None:
    (script,) = SERVICES["s3"]["command"]

    assert " -disableHttp " in script
    assert re.findall(r"WEED_JWT_\$\$\{key\}_KEY", script)
    assert "for key in SIGNING SIGNING_READ FILER_SIGNING FILER_SIGNING_READ;" in script


def test_our_own_image_is_never_pulled_from_a_registry() -> None:
    ours = [service for service in SERVICES.values() if service["image"].startswith("imagegen:")]

    assert [service["pull_policy"] for service in ours] == ["build", "build"]


def test_no_secret_stands_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"^\s+\w*(?:PASSWORD|SECRET\w*|FAL_KEY): (.*)$", text, re.MULTILINE)

    assert secrets
    assert [value for value in secrets if not value.strip("'\"").startswith("${")] == []


def test_the_image_runs_as_nobody_in_particular_and_is_told_to_end_by_sigterm() -> None:
    text = (ROOT / "Dockerfile").read_text()
    last = text.rpartition("\nFROM ")[2]

    assert re.findall(r"^(USER .+|STOPSIGNAL .+|ENTRYPOINT .+)$", last, re.MULTILINE) == [
        "USER 10001",
        "STOPSIGNAL SIGTERM",
        'ENTRYPOINT ["imagegen"]',
    ]
    assert "--require-hashes" in text
    assert "HEALTHCHECK" in last
