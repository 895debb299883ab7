// Carries out calls of bindings for a test. A request is a list: the binding's name, then calls with their
// arguments, each of what the one before gave: ["DB", ["prepare", "SELECT ?"], ["bind", 1], ["all"]].
// An answer is {ok: value} or {error: text}.

/** A value of JavaScript that JSON does not have, from an object with one marked field. */
function revive(env, value) {
  if (Array.isArray(value)) return value.map((item) => revive(env, item));
  if (value === null || typeof value !== "object") return value;
  if ("$date" in value) return new Date(value.$date);
  if ("$bytes" in value) return new Uint8Array(value.$bytes);
  if ("$long" in value) return "x".repeat(value.$long);
  if ("$headers" in value) return new Headers(value.$headers);
  if ("$calls" in value) return walk(env, value.$calls);
  if ("$undefined" in value) return undefined;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revive(env, item)]));
}

function walk(env, [name, ...calls]) {
  return calls.reduce((on, [method, ...given]) => on[method](...given.map((it) => revive(env, it))), env[name]);
}

/** A value as JSON has it. */
async function show(value) {
  if (value instanceof Response) {
    const headers = Object.fromEntries(value.headers);
    return { status: value.status, headers, text: await value.text() };
  }
  if (value instanceof ReadableStream) return new Response(value).text();
  if (value instanceof ArrayBuffer) return { bytes: [...new Uint8Array(value)] };
  if (value instanceof Map) return Object.fromEntries(value);
  if (value?.writeHttpMetadata) return object(value);
  if (value?.objects) return { ...value, objects: await Promise.all(value.objects.map(object)) };
  return value;
}

async function object(found) {
  const { key, version, size, etag, httpEtag, uploaded, httpMetadata, customMetadata, range, storageClass } = found;
  const shown = { key, version, size, etag, httpEtag, uploaded, httpMetadata, customMetadata, range, storageClass };
  shown.checksums = found.checksums.toJSON();
  if (found.body) shown.text = await found.text();
  return shown;
}

export default {
  async fetch(request, env) {
    try {
      const value = await show(await walk(env, await request.json()));
      return Response.json({ ok: value === undefined ? null : value });
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  },
};
