// The official TypeScript client, version 2, with OAuth from the 401 on.
// Usage: node oauth_client_v2.mjs URL SITEBAY_TOKEN MODE, where MODE is dynamic (it registers) or
// document (it is known by an address). Its first access token runs out on the way.

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { agrees, documented } from "./person.js";
import { equal, text } from "./steps.js";

const [url, token, mode] = process.argv.slice(2);
const redirect = "http://localhost:54321/callback";
const metadata = { client_name: "client v2", redirect_uris: [redirect] };
const document = mode === "document" ? await documented(metadata) : undefined;

let kept = document && { client_id: document.id };
let tokens, verifier, sentTo, registered = 0, refreshed = 0;
const provider = {
  redirectUrl: redirect,
  clientMetadata: { ...metadata, token_endpoint_auth_method: "none", grant_types: ["authorization_code", "refresh_token"] },
  clientInformation: () => kept,
  // Also called to note who issued an id that was there before.
  saveClientInformation: (information) => {
    if (information.client_id !== kept?.client_id) registered += 1;
    kept = information;
  },
  tokens: () => tokens,
  saveTokens: (given) => { if (tokens) refreshed += 1; tokens = given; },
  redirectToAuthorization: async (to) => {
    equal(to.searchParams.get("resource"), url, "the resource");
    sentTo = await agrees(to, token);
  },
  saveCodeVerifier: (value) => { verifier = value; },
  codeVerifier: () => verifier,
};

const connect = async () => {
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  const client = new Client({ name: "oauth-v2-test", version: "1.0" }, { versionNegotiation: { mode: "legacy" } });
  try {
    await client.connect(transport);
    return { client, transport };
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await transport.finishAuth(sentTo.searchParams);
    return undefined;
  }
};

equal(await connect(), undefined, "a connection before the person agreed");
const { client, transport } = await connect();
const call = async (name, args) => text(await client.callTool({ name, arguments: args }));
equal(await call("echo", { text: "in" }), "in", "echo");
equal(registered, mode === "document" ? 0 : 1, "registrations");
await new Promise((resolve) => setTimeout(resolve, 3_200));
equal(await call("echo", { text: "still in" }), "still in", "echo after the token ran out");
if (refreshed < 1) throw new Error("the token did not run out");
await transport.terminateSession();
await client.close();
document?.close();
