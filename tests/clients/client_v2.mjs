// The official TypeScript client, version 2, as a client program uses it.
// Usage: node client_v2.mjs URL KEY MODE, where MODE is legacy, auto or a version to pin.
// Prints the protocol version that was agreed on.

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { answers, everything, news } from "./steps.js";

const [url, key, wanted] = process.argv.slice(2);
const mode = ["legacy", "auto"].includes(wanted) ? wanted : { pin: wanted };
const changed = news();
const { asked, handler } = answers();

const requestInit = { headers: { Authorization: `Bearer ${key}` } };
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit });
const client = new Client(
  { name: "client-v2-test", version: "1.0" },
  {
    capabilities: { elicitation: {} },
    versionNegotiation: { mode },
    listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: changed.heard } },
  },
);
client.setRequestHandler("elicitation/create", handler);

await client.connect(transport);
const call = (name, args, onprogress) =>
  client.callTool({ name, arguments: args }, { onprogress });
await everything({ client, call, asked, changed });
console.log(client.getNegotiatedProtocolVersion());

await transport.terminateSession();
await client.close();
