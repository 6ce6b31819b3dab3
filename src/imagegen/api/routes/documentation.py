"""/api-docs: Swagger UI with a plugin. All files come from packages, so that the page works without internet."""

import mimetypes
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy

_REDIRECT: Final = RoutePolicy(access=Access.OPEN, produces=(), caching=Caching.AS_SET)
PAGES: Final = files("imagegen.api") / "pages"
_PAGE: Final = RoutePolicy(access=Access.OPEN, produces=(), caching=Caching.REVALIDATE, is_routine=True)
_ASSETS: Final = "/api-docs/assets"
# Where people look for the documentation.
_ALIASES: Final = ("/docs", "/redoc", "/swagger", "/api/docs")
# People enter API keys here: no other script runs. The images are in the bucket, and inputs may be data URIs.
_ONLY_OWN_SCRIPTS: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src * data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def serve_documentation(app: FastAPI) -> None:
    """Add the page, its assets, and redirects from other paths where people look for it."""
    if not mimetypes.inited:
        mimetypes.init()  # reads files; otherwise the first request for an asset would, in the event loop
    swagger = files("fastapi_swagger") / "resources"
    assets = StaticFiles(directory=str(swagger), packages=[("imagegen.api", "pages/assets")])
    app.mount(_ASSETS, policy(_PAGE)(assets), name="swagger")
    page = (PAGES / "api-docs.html").read_text(encoding="utf-8")

    @app.get("/api-docs", include_in_schema=False)
    @policy(_PAGE)
    async def api_docs() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": _ONLY_OWN_SCRIPTS})

    @policy(_REDIRECT)
    async def to_the_documentation() -> RedirectResponse:
        return RedirectResponse("/api-docs")

    for path in _ALIASES:
        app.add_api_route(path, to_the_documentation, include_in_schema=False)
