"""A proxy of FastMCP in front of another server: the same work as our gateway's.

Usage: python fastmcp_proxy.py PORT URL
"""

import sys

from fastmcp.server import create_proxy

proxy = create_proxy(sys.argv[2], name="proxy")
proxy.run(
    transport="http",
    host="127.0.0.1",
    port=int(sys.argv[1]),
    path="/mcp",
    stateless_http=True,
    json_response=True,
    show_banner=False,
    log_level="error",
)
