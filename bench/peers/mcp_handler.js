// A stateless server, as Cloudflare's documentation shows one: a handler in the Worker.
import { McpServer } from "@modelcontextprotocol/server";
import { createMcpHandler } from "agents/mcp/server";
import { z } from "zod";

function server() {
  const server = new McpServer({ name: "peer", version: "1.0.0" });
  server.registerTool(
    "echo",
    { description: "Answers with the text it is given.", inputSchema: { text: z.string() } },
    async ({ text }) => ({ content: [{ type: "text", text }] }),
  );
  return server;
}

const handler = createMcpHandler(server);

export default {
  fetch: (request, env, ctx) => handler(request, env, ctx),
};
