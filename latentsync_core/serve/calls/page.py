"""The page for people."""

from __future__ import annotations

import secrets
from pathlib import Path

from aiohttp import web

from ..endpoint import Endpoint

_PAGE = Path(__file__).parents[2] / "assets" / "serve" / "page.html"


async def send_page(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return the page; the browser runs its script and no other."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    text = _PAGE.read_text(encoding="utf-8").replace("NONCE", nonce)
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(text=text, content_type="text/html", headers=headers)
