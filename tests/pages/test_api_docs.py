"""/api-docs as a browser loads it."""

import re
from importlib.resources import files

import pytest
from dirty_equals import IsPartialDict

from tests.support.service import Service

ASSETS = files("imagegen.api") / "pages" / "assets"
ADDRESS = re.compile(r'(?:href|src)="([^"]+)"')


async def test_page_loads_everything_from_the_service(service: Service) -> None:
    page = await service.client.get("/api-docs")
    addresses = ADDRESS.findall(page.text)
    files_of_the_page = {address: await service.client.get(address) for address in addresses}

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "//" not in page.text
    assert {address: answer.status_code for address, answer in files_of_the_page.items()} == dict.fromkeys(
        addresses, 200
    )
    assert {"/openapi.json", "/api-docs/assets/swagger-ui-bundle.js", "/api-docs/assets/api-docs.js"} <= set(addresses)


@pytest.mark.parametrize(
    "script", ["api-docs.js", "plugin.js", "response-images.js", "follow.js", "images.js", "document.js"]
)
async def test_scripts_and_what_they_import_are_served(service: Service, script: str) -> None:
    answer = await service.client.get(f"/api-docs/assets/{script}")
    imported = re.findall(r'from "\./([^"]+)"', answer.text)

    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text == (ASSETS / script).read_text(encoding="utf-8")
    assert [name for name in imported if not (ASSETS / name).is_file()] == []


async def test_only_scripts_of_the_service_run(service: Service) -> None:
    page = await service.client.get("/api-docs")

    assert "script-src 'self'; connect-src 'self';" in page.headers["content-security-policy"]
    assert page.headers["content-security-policy"].startswith("default-src 'none';")
    assert dict(page.headers) == IsPartialDict(
        {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-cache"}
    )
    assert re.findall(r"<script(?! src=)|\son\w+=", page.text) == []


async def test_browser_asks_whether_its_copy_is_current(service: Service) -> None:
    first = await service.client.get("/api-docs/assets/plugin.js")
    again = await service.client.get("/api-docs/assets/plugin.js", headers={"If-None-Match": first.headers["etag"]})

    assert (first.headers["cache-control"], again.status_code) == ("no-cache", 304)


async def test_key_is_not_stored_in_the_browser(service: Service) -> None:
    assert "persistAuthorization: false" in (await service.client.get("/api-docs/assets/api-docs.js")).text


async def test_schemas_and_pages_beside_the_assets_are_not_served(service: Service) -> None:
    paths = ["start.html", "../start.html", "%2e%2e/start.html"]
    answers = [await service.client.get(f"/api-docs/assets/{path}") for path in paths]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
