// The official TypeScript client in a page of another origin than the server's. The page is opened
// with the endpoint and the key in its query, and tells its own server how it went.

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { answers, equal, everything, news, text, within } from "./steps.js";

const query = new URLSearchParams(location.search);
const tell = (path, body = "") => fetch(path, { method: "POST", body });

async function run() {
  const changed = news();
  const opened = news();
  const { asked, handler } = answers();
  let streams = 0;
  const transport = new StreamableHTTPClientTransport(new URL(query.get("endpoint")), {
    requestInit: { headers: { Authorization: `Bearer ${query.get("key")}` } },
    reconnectionOptions: {
      initialReconnectionDelay: 200,
      maxReconnectionDelay: 1_000,
      reconnectionDelayGrowFactor: 1.5,
      maxRetries: 20,
    },
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      if (init.method === "GET" && answer.ok) {
        streams += 1;
        opened.heard();
      }
      return answer;
    },
  });
  const client = new Client(
    { name: "page-test", version: "1.0" },
    {
      capabilities: { elicitation: {} },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: changed.heard } },
    },
  );
  client.setRequestHandler("elicitation/create", handler);

  await client.connect(transport);
  // A page sees only the headers that the server exposes.
  equal(typeof transport.sessionId, "string", "the session's id");
  const call = (name, args, onprogress) =>
    client.callTool({ name, arguments: args }, { onprogress });
  await everything({ client, call, asked, changed });
  equal(streams, 1, "streams");

  const reopened = opened.next();
  await tell("/restart");
  await within(reopened, "new stream");
  const told = changed.next();
  equal(text(await call("notify", {})), "announced", "notify after the restart");
  await within(told, "tools/list_changed on the new stream");

  const version = client.getNegotiatedProtocolVersion();
  await transport.terminateSession();
  await client.close();
  return version;
}

run().then(
  (version) => tell("/done", `ok ${version}`),
  (error) => tell("/done", `failed: ${error.stack ?? error}`),
);
