// A person without a browser, and the document of a client that is known by its address.

import { createServer } from "node:http";
import { once } from "node:events";

/** Opens the consent page and agrees; the address that the person is sent back to. */
export async function agrees(url, token) {
  const page = await fetch(url, { redirect: "manual" });
  const html = await page.text();
  if (page.status !== 200) throw new Error(`${page.status}: ${html}`);
  const ticket = /name="ticket" value="([^"]+)"/.exec(html)[1];
  const body = new URLSearchParams({ ticket, token, answer: "allow" });
  for (const scope of ["read", "write"]) body.append("scope", scope);
  const cookie = page.headers.get("set-cookie").split(";")[0];
  const action = new URL("/authorize", url);
  const sent = await fetch(action, { method: "POST", body, headers: { cookie }, redirect: "manual" });
  if (sent.status !== 303) throw new Error(`${sent.status}: ${await sent.text()}`);
  return new URL(sent.headers.get("location"));
}

/** Serves the document of a client; its id is the address. */
export async function documented(metadata) {
  const server = createServer((_request, response) => {
    const id = `http://127.0.0.1:${server.address().port}/client.json`;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ client_id: id, token_endpoint_auth_method: "none", ...metadata }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { id: `http://127.0.0.1:${server.address().port}/client.json`, close: () => server.close() };
}
