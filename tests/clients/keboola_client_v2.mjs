// The official TypeScript client, version 2, before Keboola: from the 401 on, by way of a consent page on
// which its person enters a Storage token, to a query. Then the same calls without a session.
// Usage: node keboola_client_v2.mjs URL SITEBAY_TOKEN STACK STORAGE_TOKEN.
// Prints the protocol versions that were agreed on. Results are checked against the tools' output schemas.

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { agrees } from "./person.js";
import { equal } from "./steps.js";

const [url, token, stack, storageToken] = process.argv.slice(2);
const redirect = "http://localhost:54321/callback";
const entered = [["scope", "upstream:keboola"], ["stack-keboola", stack], ["key-keboola", storageToken]];

let kept, tokens, verifier, sentTo;
const provider = {
  redirectUrl: redirect,
  clientMetadata: {
    client_name: "client v2",
    redirect_uris: [redirect],
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
  },
  clientInformation: () => kept,
  saveClientInformation: (information) => { kept = information; },
  tokens: () => tokens,
  saveTokens: (given) => { tokens = given; },
  redirectToAuthorization: async (to) => {
    equal(to.searchParams.get("resource"), url, "the resource");
    sentTo = await agrees(to, token, entered);
  },
  saveCodeVerifier: (value) => { verifier = value; },
  codeVerifier: () => verifier,
};

const connect = async (mode) => {
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  const client = new Client({ name: "keboola-v2-test", version: "1.0" }, { versionNegotiation: { mode } });
  try {
    await client.connect(transport);
    return { client, transport };
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await transport.finishAuth(sentTo.searchParams);
    return undefined;
  }
};

equal(await connect("legacy"), undefined, "a connection before the person agreed");
for (const mode of ["legacy", "auto"]) {
  const { client, transport } = await connect(mode);
  const { tools } = await client.listTools();
  const names = tools.map(({ name }) => name);
  for (const name of ["get_project_info", "get_jobs", "query_data", "run_job"]) {
    if (!names.includes(name)) throw new Error(`no ${name} in ${names}`);
  }
  const call = async (name, args) => {
    const result = await client.callTool({ name, arguments: args });
    if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`);
    return result.structuredContent;
  };
  equal((await call("get_project_info", {})).project_name, "Shop", "the project");
  const query = { sql_query: "SELECT 1", query_name: "One" };
  equal((await call("query_data", query)).csv_data, "1\r\n1\r\n", "the rows");
  const { result } = await call("get_jobs", { status: "error" });
  equal(result.jobs.map(({ status }) => status), ["error"], "the jobs");
  console.log(client.getNegotiatedProtocolVersion());
  await transport.terminateSession();
  await client.close();
}
