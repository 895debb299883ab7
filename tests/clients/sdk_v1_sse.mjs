// The official TypeScript SDK, version 1, over the transport of 2024-11-05.
// Usage: node sdk_v1_sse.mjs URL KEY, where URL is that of the stream.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { answers, everything, news } from "./steps.js";

const [url, key] = process.argv.slice(2);
const changed = news();
const { asked, handler } = answers();

const requestInit = { headers: { Authorization: `Bearer ${key}` } };
const transport = new SSEClientTransport(new URL(url), { requestInit });
const client = new Client(
  { name: "sdk-v1-sse-test", version: "1.0" },
  { capabilities: { elicitation: {} } },
);
client.setRequestHandler(ElicitRequestSchema, handler);
client.setNotificationHandler(ToolListChangedNotificationSchema, changed.heard);

await client.connect(transport);
const call = (name, args, onprogress) =>
  client.callTool({ name, arguments: args }, undefined, { onprogress });
// It handles an answer before progress that arrived with it, and then drops the progress.
await everything({ client, call, asked, changed, progress: 3 });
await client.close();
