"""/: a page for browsers, links for programs."""

import html
import json
import re
import shlex

import pytest
from dirty_equals import IsPartialDict, IsStr

import imagegen
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.settings import Settings
from tests.support.service import Service, running

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
LINK = re.compile(r'href="([^"]+)"')


def command(page: str) -> list[str]:
    """The arguments of the page's curl command, as a shell reads them."""
    (shown,) = re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)
    return shlex.split(html.unescape(shown).replace("\\\n", ""))


async def test_browser_gets_a_page_whose_links_work(service: Service) -> None:
    page = await service.client.get("/", headers=BROWSER)
    links = {link: (await service.client.get(link)).status_code for link in LINK.findall(page.text)}

    assert dict(page.headers) == IsPartialDict(
        {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": IsStr(regex="default-src 'none'; .*frame-ancestors 'none'"),
            "vary": "Accept",
            "cache-control": "no-cache",
        }
    )
    assert set(links.values()) == {200}
    assert {"/api-docs", "/openapi.json", "/health/ready"} <= set(links)


async def test_page_leads_to_operations_of_the_document(service: Service) -> None:
    page = await service.client.get("/", headers=BROWSER)
    document = (await service.client.get("/openapi.json")).json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    found = set(re.findall(r'"/api-docs#/([^"]+)"', page.text))

    assert found == {"images/generateImage", "images/listModels", "jobs/listJobs", "usage/getUsage"}
    assert found <= {f"{operation['tags'][0]}/{operation['operationId']}" for operation in operations}


async def test_curl_command_of_the_page_makes_an_image(service: Service) -> None:
    curl, url, *rest = command((await service.client.get("/", headers=BROWSER)).text)
    answer = await service.generate(json.loads(rest[-1]))

    assert (curl, url) == ("curl", str(service.client.base_url.join("/api/images/generate")))
    assert rest[:-1] == ["-H", "Content-Type: application/json", "-d"]
    assert answer.json() == IsPartialDict(status="completed", model="flux-pro")


async def test_curl_command_has_the_public_address_and_a_key(stack: Settings) -> None:
    public = stack.service.model_copy(update={"public_url": "https://imagegen.example.com"})
    access = AccessPolicy(keys_required=True)
    async with running(stack.model_copy(update={"service": public}), access=access) as service:
        page = (await service.client.get("/", headers=BROWSER)).text

    assert command(page)[:4] == [
        "curl",
        "https://imagegen.example.com/api/images/generate",
        "-H",
        "Authorization: Bearer ig_…",
    ]
    assert "<code>imagegen keys add</code>" in page


async def test_host_of_the_request_is_shown_as_text(service: Service) -> None:
    page = await service.client.get("/", headers={**BROWSER, "Host": "a<b>@localhost"})

    assert page.status_code == 421 or "<b>" not in page.text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.5", "image/png"])
async def test_program_gets_the_links_as_json(service: Service, accept: str) -> None:
    answer = await service.client.get("/", headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.json() == {
        "name": "imagegen",
        "version": imagegen.__version__,
        "links": {
            "docs": "/api-docs",
            "openapi": "/openapi.json",
            "generate": "/api/images/generate",
            "models": "/api/images/models",
            "jobs": "/api/jobs",
            "usage": "/api/usage",
            "health": "/health/ready",
        },
    }
    assert answer.headers["link"].startswith('</openapi.json>; rel="service-desc"')
