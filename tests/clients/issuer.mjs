// An issuer of tokens: publishes its keys at /keys and signs what is posted to /sign. Keys are made
// at its start. POST /rotate adds a key; GET /fetches counts how often the keys were read.
import { createServer } from "node:http";

const subtle = globalThis.crypto.subtle;
const ALGORITHMS = {
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  ES256: { name: "ECDSA", hash: "SHA-256", namedCurve: "P-256" },
  EdDSA: { name: "Ed25519" },
};

const keys = new Map();
let fetches = 0;

async function add(kid, alg) {
  keys.set(kid, { alg, ...(await subtle.generateKey(ALGORITHMS[alg], true, ["sign", "verify"])) });
}

async function published() {
  const all = [];
  for (const [kid, { alg, publicKey }] of keys) {
    const { key_ops, ext, ...jwk } = await subtle.exportKey("jwk", publicKey);
    all.push({ ...jwk, kid, alg, use: "sig" });
  }
  return { keys: all };
}

const part = (bytes) => Buffer.from(bytes).toString("base64url");

async function sign({ kid, header, claims }) {
  const { alg, privateKey } = keys.get(kid);
  const head = part(JSON.stringify({ alg, kid, ...header }));
  const signed = `${head}.${part(JSON.stringify(claims))}`;
  return `${signed}.${part(await subtle.sign(ALGORITHMS[alg], privateKey, Buffer.from(signed)))}`;
}

async function answer(request, text) {
  switch (request.url) {
    case "/keys":
      fetches += 1;
      return JSON.stringify(await published());
    case "/sign":
      return sign(JSON.parse(text));
    case "/rotate":
      await add("rotated", "ES256");
      return "";
    default:
      return String(fetches);
  }
}

for (const alg of Object.keys(ALGORITHMS)) await add(alg, alg);
const server = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  response.end(await answer(request, text));
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
