"""The published Keboola MCP server, with a stand-in in the place of Keboola's stacks.

Usage: python keboola_server.py PORT SUFFIX=URL... [-- OPTION...]

A request to https://SERVICE.SUFFIX goes to URL, which is plain HTTP, with its `Host` still
`SERVICE.SUFFIX`. A request to any other host fails. The options are the server's own,
such as `--api-url https://connection.SUFFIX`.

The server accepts only `connection.….keboola.com`, `.dev`, `.cloud` and `connection.….keboola-testing.com`
as a stack, always uses https and drops ports, and each of its HTTP clients has a transport of its own, so
that it ignores HTTPS_PROXY. Therefore it is httpx's transport that is changed here.
"""

import sys

import httpx

Stacks = dict[str, httpx.URL]


def stacks(arguments: list[str]) -> Stacks:
    """The stand-in of each stack, by the part of the host name after the service."""
    pairs = (argument.partition("=") for argument in arguments)
    return {suffix: httpx.URL(url) for suffix, _, url in pairs}


def redirect(stand_ins: Stacks) -> None:
    """Sends requests to stacks to their stand-ins, and no request anywhere else."""
    send = httpx.AsyncHTTPTransport.handle_async_request

    async def handle(
        self: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        _, _, suffix = request.url.host.partition(".")
        url = stand_ins.get(suffix)
        if request.url.scheme != "https" or url is None:
            # Unlike a failed connection this is not tried again.
            raise httpx.ProxyError(f"no stand-in of {request.url.host}", request=request)
        # A copy: error texts show the URL of the request that the server made. `Host` is among the headers.
        copy = httpx.Request(
            request.method,
            request.url.copy_with(scheme=url.scheme, host=url.host, port=url.port),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await send(self, copy)

    httpx.AsyncHTTPTransport.handle_async_request = handle


def main() -> None:
    port, *rest = sys.argv[1:]
    split = rest.index("--") if "--" in rest else len(rest)
    redirect(stacks(rest[:split]))

    from keboola_mcp_server import cli

    options = ["--transport", "streamable-http", "--host", "127.0.0.1", "--port", port]
    cli.main([*options, "--log-level", "WARNING", *rest[split + 1 :]])


if __name__ == "__main__":
    main()
