// Requests that are passed on to another server as they are: neither body is read here.

/** The headers of a request or an answer: names and values in turn, a line each. */
export function headers(message) {
  let text = "";
  for (const [name, value] of message.headers) text += `${name}\n${value}\n`;
  return text;
}

// `removed`: names, a line each. `set`: names and values in turn, a line each.
function change(headers, removed, set) {
  for (const name of removed.split("\n")) if (name !== "") headers.delete(name);
  const parts = set.split("\n");
  for (let at = 0; at + 1 < parts.length; at += 2) headers.set(parts[at], parts[at + 1]);
}

// A body that says when it is through. Both ends are the runtime's own, which moves the bytes.
function noticed(body, length, then) {
  const pipe =
    length === null ? new IdentityTransformStream() : new FixedLengthStream(BigInt(length));
  body.pipeTo(pipe.writable).then(then, then);
  return pipe.readable;
}

/**
 * Sends a request to `url`: the answer once its headers are there, 0 where they are late, 1 where the runtime would send
 * another URL, 2 where the client left. It is late `millis` after the request's body was sent, and has no deadline after its headers.
 */
export async function forward(request, url, removed, set, millis) {
  const copy = new Request(url, request);
  if (copy.url !== url) return 1;
  change(copy.headers, removed, set);
  const late = new AbortController();
  let timer = null;
  let answered = false;
  const wait = () => {
    if (!answered) timer = setTimeout(() => late.abort(), millis);
  };
  // The client's own signal ends what is sent and what is received when the client leaves.
  const signal = AbortSignal.any([request.signal, late.signal]);
  // What a caller behind the door receives is not kept for another one. The option `cache` would do the same, and
  // write headers into the request.
  const init = { redirect: "manual", signal, cf: { cacheTtl: -1 } };
  // The runtime takes no new body for a GET, though it passes on the one that came.
  if (copy.body === null || request.method === "GET" || request.method === "HEAD") wait();
  else init.body = noticed(copy.body, request.headers.get("content-length"), wait);
  try {
    return await fetch(new Request(copy, init));
  } catch (error) {
    if (late.signal.aborted) return 0;
    if (request.signal.aborted) return 2;
    throw error;
  } finally {
    answered = true;
    clearTimeout(timer);
  }
}

/** The same answer with other headers and its body unread. */
export function changed(response, removed, set) {
  const copy = new Response(response.body, response);
  change(copy.headers, removed, set);
  return copy;
}
