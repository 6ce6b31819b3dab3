"""/: where a newcomer begins. A page for browsers, the same links as JSON for programs."""

import html
from string import Template
from typing import Annotated, Final, cast

from fastapi import FastAPI, Header, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

import imagegen
from imagegen.api.deps import services_of
from imagegen.api.http.media_types import JSON, prefers
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.api.routes.documentation import PAGES
from imagegen.errors import DatabaseUnavailable
from imagegen.services import Services

_HTML: Final = "text/html"
_LINKS: Final = {
    "docs": "/api-docs",
    "openapi": "/openapi.json",
    "generate": "/api/images/generate",
    "models": "/api/images/models",
    "jobs": "/api/jobs",
    "usage": "/api/usage",
    "health": "/health/ready",
}
_HEADERS: Final = {
    # The relations of RFC 8631.
    "Link": '</openapi.json>; rel="service-desc", </api-docs>; rel="service-doc", </health/ready>; rel="status"',
    "Vary": "Accept",
}
_NO_SCRIPTS: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CURL: Final = """\
curl {url}/api/images/generate \\
  {key}-H 'Content-Type: application/json' -d '
  {{"model": "flux-pro", "userId": "user123",
   "inputs": {{"prompt": "A lighthouse in winter"}}}}'"""
_KEY: Final = "-H 'Authorization: Bearer ig_…' \\\n  "
_KEY_NOTE: Final = " This service needs an API key, which its operator creates with <code>imagegen keys add</code>."


def serve_start_page(app: FastAPI) -> None:
    """Add the page."""
    template = Template((PAGES / "start.html").read_text(encoding="utf-8"))

    @app.get("/", include_in_schema=False)
    @policy(RoutePolicy(access=Access.OPEN, produces=(), caching=Caching.REVALIDATE))
    async def start(request: Request, accept: Annotated[str | None, Header()] = None) -> Response:
        if not prefers(accept, _HTML, over=JSON):
            content = {"name": "imagegen", "version": imagegen.__version__, "links": _LINKS}
            return JSONResponse(content, headers=_HEADERS)
        services = services_of(request)
        needs_key = _needs_key(cast("AccessPolicy", request.state.access), services)
        url = services.settings.service.public_url or str(request.base_url).rstrip("/")
        curl = _CURL.format(url=url, key=_KEY if needs_key else "")
        page = template.substitute(
            version=imagegen.__version__, curl=html.escape(curl, quote=False), key_note=_KEY_NOTE if needs_key else ""
        )
        return HTMLResponse(page, headers={**_HEADERS, "Content-Security-Policy": _NO_SCRIPTS})


def _needs_key(access: AccessPolicy, services: Services) -> bool:
    """Whether callers need a key; assumed while MongoDB has not said so."""
    try:
        return access.requires_key(services.keys)
    except DatabaseUnavailable:
        return True
