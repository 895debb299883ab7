// A server of the official TypeScript SDK, version 2: sessions and 2026-07-28 at one URL.
// Usage: node sdk_v2.mjs PORT

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  McpServer,
  ResourceTemplate,
  WebStandardStreamableHTTPServerTransport,
  completable,
  createMcpHandler,
  inputRequired,
  isLegacyRequest,
} from "@modelcontextprotocol/server";
import { z } from "zod";

const text = (text) => ({ content: [{ type: "text", text }] });

function server() {
  const server = new McpServer({ name: "sdk-v2", version: "1.0" });
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, ({ text: said }) => text(said));
  server.registerTool(
    "slow",
    { inputSchema: z.object({ ms: z.number(), steps: z.number() }) },
    async ({ ms, steps }, { mcpReq }) => {
      for (let progress = 1; progress <= steps; progress += 1) {
        await new Promise((resolve) => setTimeout(resolve, ms / steps));
        const progressToken = mcpReq._meta?.progressToken;
        if (progressToken === undefined) continue;
        await mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: steps } });
      }
      return text("done");
    },
  );
  server.registerTool("ask", { inputSchema: z.object({}) }, (_, { mcpReq }) => {
    const given = mcpReq.inputResponses ?? {};
    if (given.name !== undefined) return text(JSON.stringify(given.name));
    const requestedSchema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
    const name = inputRequired.elicit({ message: "Which name?", requestedSchema });
    return inputRequired({ inputRequests: { name } });
  });
  server.registerTool("fail", { inputSchema: z.object({}) }, () => {
    throw new Error("it did not work");
  });
  server.registerResource("notes", "file:///notes.txt", { mimeType: "text/plain" }, (uri) => ({
    contents: [{ uri: uri.href, mimeType: "text/plain", text: "grüße" }],
  }));
  server.registerResource("item", new ResourceTemplate("demo://item/{id}", { list: undefined }), {}, (uri, { id }) => ({
    contents: [{ uri: uri.href, text: id }],
  }));
  const name = completable(z.string(), (start) => ["Ada", "Alan"].filter((name) => name.startsWith(start)));
  server.registerPrompt("greet", { argsSchema: z.object({ name }) }, ({ name }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Greet ${name}.` } }],
  }));
  return server;
}

const modern = createMcpHandler(server, { legacy: "reject" });
const sessions = new Map();

async function legacy(request) {
  const known = sessions.get(request.headers.get("mcp-session-id"));
  if (known !== undefined) return known.handleRequest(request);
  if (request.headers.has("mcp-session-id")) return new Response("no such session", { status: 404 });
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
    onsessionclosed: (id) => sessions.delete(id),
  });
  await server().connect(transport);
  return transport.handleRequest(request);
}

const fetch = async (request) =>
  (await isLegacyRequest(request.clone())) ? legacy(request) : modern.fetch(request);
createServer(toNodeHandler({ fetch })).listen(Number(process.argv[2]), "127.0.0.1");
