"""A FastMCP server: sessions and 2026-07-28 at /mcp.

Usage: python fastmcp_server.py PORT [http|sse]
"""

import asyncio
import sys

from fastmcp import Context, FastMCP

server = FastMCP("fastmcp")


@server.tool
def echo(text: str) -> str:
    """Says it again."""
    return text


@server.tool
async def slow(ms: int, steps: int, ctx: Context) -> str:
    """Takes its time."""
    for step in range(1, steps + 1):
        await asyncio.sleep(ms / steps / 1000)
        await ctx.report_progress(step, steps)
    return "done"


@server.tool
def fail() -> str:
    """Does not work."""
    raise ValueError("it did not work")


@server.resource("file:///notes.txt")
def notes() -> str:
    return "grüße"


@server.resource("demo://item/{id}")
def item(id: str) -> str:
    return id


@server.prompt
def greet(name: str) -> str:
    return f"Greet {name}."


transport = sys.argv[2] if len(sys.argv) > 2 else "http"
server.run(
    transport=transport,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    show_banner=False,
    log_level="warning",
)
