"""The official Python SDK, with OAuth from the 401 on.

Usage: python oauth.py URL SITEBAY_TOKEN MODE, where MODE is dynamic (it registers) or document (it is
known by an address). Its first access token runs out on the way.
"""

import asyncio
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
)

REDIRECT = "http://127.0.0.1:54321/callback"


class Kept:
    """What a client keeps."""

    def __init__(self, information=None):
        self.tokens, self.information, self.given = None, information, 0

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens, self.given = tokens, self.given + 1

    async def get_client_info(self):
        return self.information

    async def set_client_info(self, information):
        self.information = information


class Person:
    """Agrees on the consent page, without a browser."""

    def __init__(self, token, resource):
        self.token, self.resource, self.sent_to = token, resource, None

    async def goes(self, url):
        assert parse_qs(urlsplit(url).query)["resource"] == [self.resource], url
        async with httpx2.AsyncClient() as http:
            page = await http.get(url)
            ticket = re.search(r'name="ticket" value="([^"]+)"', page.text).group(1)
            fields = [("ticket", ticket), ("token", self.token), ("answer", "allow")]
            form = urlencode(fields + [("scope", "read"), ("scope", "write")])
            headers = {"content-type": "application/x-www-form-urlencoded"}
            sent = await http.post(urljoin(url, "/authorize"), content=form, headers=headers)
        assert sent.status_code == 303, sent.text
        self.sent_to = sent.headers["location"]

    async def comes_back(self):
        query = parse_qs(urlsplit(self.sent_to).query)
        one = {name: values[0] for name, values in query.items()}
        return AuthorizationCodeResult(code=one["code"], state=one["state"], iss=one["iss"])


def documented(metadata):
    """Serves the document of a client; its id is the address."""

    class Document(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"client_id": self.server.id, **metadata}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Document)
    server.id = f"http://127.0.0.1:{server.server_port}/client.json"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.id


async def echo(client, text):
    result = await client.call_tool("echo", {"text": text})
    assert not result.is_error and result.content[0].text == text, result


async def main(url, token, mode):
    said = {"client_name": "python", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"}
    information = None
    if mode == "document":
        information = OAuthClientInformationFull(client_id=documented(said), **said)
    kept, person = Kept(information), Person(token, url)
    metadata = OAuthClientMetadata(**said)
    auth = OAuthClientProvider(url, metadata, kept, person.goes, person.comes_back)
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http), mode="legacy") as client:
            await echo(client, "in")
            await asyncio.sleep(3.2)
            await echo(client, "still in")
    assert kept.given > 1, "the token did not run out"


asyncio.run(main(*sys.argv[1:]))
