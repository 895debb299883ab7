// The official TypeScript SDK, version 1, as a client program uses it.
// Usage: node sdk_v1.mjs URL KEY

import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { answers, elicit, within } from "./steps.js";

const [url, key] = process.argv.slice(2);
const requestInit = { headers: { Authorization: `Bearer ${key}` } };
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit });
const client = new Client(
  { name: "sdk-v1-test", version: "1.0" },
  { capabilities: { elicitation: {} } },
);
const person = { consents: true };
const { asked, handler } = answers(person);
client.setRequestHandler(ElicitRequestSchema, handler);
const changed = new Promise((resolve) =>
  client.setNotificationHandler(ToolListChangedNotificationSchema, resolve),
);

await client.connect(transport);
assert.equal(client.getServerVersion().name, "sitebay-mcp");
await client.ping();

const { tools } = await client.listTools();
assert.equal(tools.filter((tool) => tool.name.startsWith("sitebay_")).length, 24);
for (const tool of tools.filter((tool) => tool.name.startsWith("sitebay_"))) {
  assert.ok(tool.title && tool.description && tool.outputSchema && tool.annotations, tool.name);
}

const steps = [];
const slow = await client.callTool(
  { name: "slow", arguments: { ms: 400, steps: 4 } },
  undefined,
  { onprogress: ({ progress }) => steps.push(progress) },
);
assert.equal(slow.content[0].text, "done");
assert.deepEqual(steps, [1, 2, 3, 4]);

const plain = (name, args) => client.callTool({ name, arguments: args });
await elicit(tools.map((tool) => tool.name), plain, asked);

const { resources } = await client.listResources();
assert.ok(resources.some(({ uri }) => uri === "sitebay://account/summary"));
const { resourceTemplates } = await client.listResourceTemplates();
assert.ok(resourceTemplates.some(({ uriTemplate }) => uriTemplate.startsWith("sitebay://site/")));
const summary = await client.readResource({ uri: "sitebay://account/summary" });
assert.equal(JSON.parse(summary.contents[0].text).account_overview.total_sites, 3);

// listTools() compiled the output schemas: the SDK checks every structured result against them.
const call = async (name, args = {}) => {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(!result.isError, `${name}: ${JSON.stringify(result.content)}`);
  return result.structuredContent;
};
const sites = await call("sitebay_list_sites");
assert.equal(sites.count, 3);
const teams = await call("sitebay_list_teams");
await call("sitebay_list_ready_made_sites");
await call("sitebay_account_affiliates");
await call("sitebay_account_create_checkout");
const existing = sites.sites[0].fqdn;
await call("sitebay_get_site", { fqdn: existing });
await call("sitebay_update_site", { fqdn: existing, http_auth_enabled: true });
await call("sitebay_site_shell_command", { fqdn: existing, command: "wp core version" });
await call("sitebay_backup_list_commits", { fqdn: existing });
await call("sitebay_wordpress_proxy", { fqdn: existing, path: "/wp-json/wp/v2/posts" });
await call("sitebay_shopify_proxy", { shop_name: "shop" });
await call("sitebay_posthog_proxy", { path: "/api/projects" });
await call("sitebay_create_site", {
  team_id: teams.teams[0].id,
  fqdn: "made-by-sdk.example.com",
  wordpress_blog_name: "Blog",
  wordpress_first_name: "A",
  wordpress_last_name: "B",
  wordpress_email: "a@example.com",
  wordpress_username: "admin",
  wordpress_password: "correct horse battery staple",
});
assert.equal((await call("sitebay_list_sites")).count, 4);

// The model cannot consent in the person's place.
person.consents = false;
const refused = await client.callTool({ name: "sitebay_delete_site", arguments: { fqdn: existing, confirm: true } });
assert.equal(refused.isError, true);
person.consents = true;
await call("sitebay_delete_site", { fqdn: existing });
assert.equal((await call("sitebay_list_sites")).count, 3);
await call("sitebay_backup_restore", { fqdn: sites.sites[1].fqdn });

await client.callTool({ name: "notify", arguments: {} });
await within(changed, "tools/list_changed");

await transport.terminateSession();
await client.close();
console.log("ok");
