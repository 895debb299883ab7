// A real client that uses what a plan names, and prints what it saw as JSON. The same plan at two URLs
// shows whether a server behind a gateway is the same as directly.
// Usage: node tour.mjs URL CLIENT PLAN
// CLIENT: v1, v1-sse, v2-legacy, or v2- and a version to pin.
// PLAN: { calls: [[tool, arguments]], reads: [uri], prompts: [[name, arguments]], completions: [params] }

import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

const [address, wanted, text] = process.argv.slice(2);
const url = new URL(address);
const plan = { calls: [], reads: [], prompts: [], completions: [], ...JSON.parse(text) };
const isV1 = wanted.startsWith("v1");
const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const info = { name: "tour", version: "1.0" };

// What a person, a model and a file system say.
const asked = [];
const elicit = ({ params }) => {
  asked.push(params.mode === "url" ? params.url : params.message);
  if (params.mode === "url") return { action: "accept" };
  const fields = Object.keys(params.requestedSchema.properties);
  return { action: "accept", content: Object.fromEntries(fields.map((field) => [field, `a ${field}`])) };
};
const sample = () => {
  asked.push("sampling");
  return { role: "assistant", model: "none", stopReason: "endTurn", content: { type: "text", text: "4" } };
};
const roots = () => {
  asked.push("roots");
  return { roots: [{ uri: "file:///work", name: "work" }] };
};

function client() {
  if (!isV1) {
    const mode = wanted === "v2-legacy" ? "legacy" : { pin: wanted.slice(3) };
    const client = new ClientV2(info, { capabilities, versionNegotiation: { mode } });
    client.setRequestHandler("elicitation/create", elicit);
    client.setRequestHandler("sampling/createMessage", sample);
    client.setRequestHandler("roots/list", roots);
    return client;
  }
  const client = new ClientV1(info, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, elicit);
  client.setRequestHandler(CreateMessageRequestSchema, sample);
  client.setRequestHandler(ListRootsRequestSchema, roots);
  return client;
}

const transport = wanted === "v1-sse" ? new SSEClientTransport(url) : new (isV1 ? HttpV1 : HttpV2)(url);
const one = client();
await one.connect(transport);
const seen = { server: one.getServerVersion()?.name, calls: [], reads: [], prompts: [], completions: [] };

// The second version's client follows cursors by itself.
async function all(list, field) {
  const found = [];
  let cursor;
  do {
    const page = await one[list](cursor === undefined ? undefined : { cursor });
    found.push(...page[field]);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

// Members that only one era has would be the difference between two eras.
const kept = ({ _meta, resultType, ttlMs, cacheScope, ...rest }) => rest;
const attempt = async (promise) => {
  try {
    return kept(await promise);
  } catch (error) {
    return { error: error.code ?? 0, message: error.message };
  }
};

const has = one.getServerCapabilities() ?? {};
if (has.tools) seen.tools = await all("listTools", "tools");
if (has.resources) {
  seen.resources = await all("listResources", "resources");
  seen.templates = await all("listResourceTemplates", "resourceTemplates");
}
if (has.prompts) seen.promptList = await all("listPrompts", "prompts");
for (const [name, args] of plan.calls) {
  const progress = [];
  const options = { onprogress: (step) => progress.push(step.progress) };
  const params = { name, arguments: args };
  const result = isV1 ? one.callTool(params, undefined, options) : one.callTool(params, options);
  const call = { name, result: await attempt(result), asked: asked.splice(0) };
  // Progress that arrives together with the result may be handled after it.
  if (progress.length > 0) call.progress = progress.slice(0, 3);
  seen.calls.push(call);
}
for (const uri of plan.reads) seen.reads.push(await attempt(one.readResource({ uri })));
for (const [name, args] of plan.prompts) {
  seen.prompts.push(await attempt(one.getPrompt({ name, arguments: args })));
}
for (const params of plan.completions) seen.completions.push(await attempt(one.complete(params)));

console.log(JSON.stringify(seen));
if (wanted !== "v1-sse") await transport.terminateSession();
await one.close();
