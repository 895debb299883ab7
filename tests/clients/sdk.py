"""The official Python SDK, as a client program uses it.

Usage: python sdk.py URL KEY MODE, where MODE is legacy, auto or a version to pin.
Prints the protocol version that was agreed on.
"""

import asyncio
import sys

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.subscriptions import ToolsListChanged
from mcp_types.version import MODERN_PROTOCOL_VERSIONS


class Ears:
    """What the server tells and asks outside of calls."""

    def __init__(self):
        self.changed = asyncio.Event()
        self.asked = []

    async def hear(self, message):
        if isinstance(message, types.ToolListChangedNotification):
            self.changed.set()

    async def answer(self, _context, params):
        self.asked.append(list(params.requested_schema["properties"]))
        return types.ElicitResult(action="accept", content={"name": "Ada"})


async def call(client, name, arguments, progress=None):
    result = await client.call_tool(name, arguments, progress_callback=progress)
    assert not result.is_error, f"{name}: {result.content}"
    return result.content[0].text


async def hears_news(client, ears):
    """News comes on the session's own stream, or on one that the client asks for."""
    if client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        assert await call(client, "notify", {}) == "announced"
        return await ears.changed.wait()
    async with client.listen(tools_list_changed=True) as news:
        assert await call(client, "notify", {}) == "announced"
        async for event in news:
            assert isinstance(event, ToolsListChanged), event
            return


async def everything(client, ears):
    names = [tool.name for tool in (await client.list_tools()).tools]
    assert {"echo", "slow", "notify"} <= set(names), names
    assert await call(client, "echo", {"text": "grüße 🌍"}) == "grüße 🌍"

    steps = []

    async def progress(done, total, message):
        steps.append((done, total, message))

    assert await call(client, "slow", {"ms": 400, "steps": 4}, progress) == "done"
    assert steps == [(step, 4, "working") for step in (1, 2, 3, 4)], steps

    if "ask" in names:
        assert await call(client, "ask", {}) == "Hello, Ada"
        assert ears.asked == [["name"]], ears.asked

    await asyncio.wait_for(hears_news(client, ears), 20)


async def main(url, key, mode):
    ears = Ears()
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(
            transport,
            mode=mode,
            message_handler=ears.hear,
            elicitation_callback=ears.answer,
        ) as client:
            await everything(client, ears)
            print(client.protocol_version)


asyncio.run(main(*sys.argv[1:]))
