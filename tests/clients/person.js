// A person without a browser, and the document of a client that is known by its address.

import { createServer } from "node:http";
import { once } from "node:events";

/** Opens the consent page and agrees, with more fields of the form; the address that the person is sent back to. */
export async function agrees(url, token, more = []) {
  const page = await fetch(url, { redirect: "manual" });
  const html = await page.text();
  if (page.status !== 200) throw new Error(`${page.status}: ${html}`);
  const ticket = /name="ticket" value="([^"]+)"/.exec(html)[1];
  const body = new URLSearchParams({ ticket, token, answer: "allow" });
  for (const [name, value] of [["scope", "read"], ["scope", "write"], ...more]) body.append(name, value);
  const cookie = page.headers.get("set-cookie").split(";")[0];
  const action = new URL("/authorize", url);
  const sent = await fetch(action, { method: "POST", body, headers: { cookie }, redirect: "manual" });
  if (sent.status === 303) return new URL(sent.headers.get("location"));
  // Where a key was connected on the way, a page says so, and leads back by a link.
  const said = await sent.text();
  const link = sent.status === 200 && /<a href="([^"]+)">Continue to /.exec(said);
  if (!link) throw new Error(`${sent.status}: ${said}`);
  return new URL(link[1].replaceAll("&amp;", "&"));
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
