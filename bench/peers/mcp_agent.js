// A stateful server, as Cloudflare's documentation shows one: a Durable Object for each session.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpAgent } from "agents/mcp";
import { z } from "zod";

export class PeerAgent extends McpAgent {
  server = new McpServer({ name: "peer", version: "1.0.0" });

  async init() {
    this.server.registerTool(
      "echo",
      { description: "Answers with the text it is given.", inputSchema: { text: z.string() } },
      async ({ text }) => ({ content: [{ type: "text", text }] }),
    );
  }
}

export default PeerAgent.serve("/mcp", { binding: "PEER_AGENT" });
