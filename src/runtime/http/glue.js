// HTTP as the runtime has it, one crossing for each request and each answer: what WebAssembly asks
// for piece by piece costs a call and a string each time.

// In the order of `NAMES` in `request.rs`.
const NAMES = [
  "x-internal-seal",
  "origin",
  "authorization",
  "x-api-key",
  "x-mcp-secret",
  "x-sitebay-token",
  "content-type",
  "content-length",
  "accept",
  "mcp-session-id",
  "mcp-protocol-version",
  "mcp-method",
  "mcp-name",
  "x-mcp-toolsets",
  "x-mcp-readonly",
  "last-event-id",
  "traceparent",
];

/** Method and address, then those headers, a line each; one that is there begins with a colon. */
export function head(request) {
  const headers = request.headers;
  let text = `${request.method}\n${request.url}`;
  for (const name of NAMES) {
    const value = headers.get(name);
    text += value === null ? "\n" : `\n:${value}`;
  }
  return text;
}

// `lines`: names and values in turn, a line each. One that comes twice counts as it is last.
function record(lines) {
  const headers = {};
  const parts = lines.split("\n");
  for (let at = 0; at + 1 < parts.length; at += 2) headers[parts[at]] = parts[at + 1];
  return headers;
}

// The headers of most answers are the same few texts. An answer copies them.
const known = new Map();

function headersOf(lines) {
  let headers = known.get(lines);
  if (headers === undefined) {
    headers = new Headers(record(lines));
    // A page's address is in them, and nobody counts pages.
    if (known.size >= 16) known.clear();
    known.set(lines, headers);
  }
  return headers;
}

// `lines`: as above; behind a carriage return, those of this answer alone.
export function other(status, lines, body) {
  const cut = lines.indexOf("\r");
  if (cut < 0) return new Response(body, { status, headers: headersOf(lines) });
  const response = new Response(body, { status, headers: headersOf(lines.slice(0, cut)) });
  const own = lines.slice(cut + 1).split("\n");
  for (let at = 0; at + 1 < own.length; at += 2) response.headers.set(own[at], own[at + 1]);
  return response;
}

export function whole(status, lines, body) {
  return other(status, lines, body.slice());
}

export function flow(source) {
  const pull = (controller) => source.pull(controller);
  // Nothing is read ahead: a piece that nobody asked for yet may still be replaced by a newer one.
  return new ReadableStream({ pull, cancel: () => source.cancel() }, { highWaterMark: 0 });
}

export function enqueue(controller, piece) {
  controller.enqueue(piece.slice());
}

export function close(controller) {
  controller.close();
}

export function copied(response) {
  return new Response(response.body, response);
}

// What an object answered, or null where it did not in time.
function within(millis, sent) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, millis, null);
  });
  return Promise.race([sent, late]).finally(() => clearTimeout(timer));
}

export function asked(object, millis, request) {
  return within(millis, object.fetch(request));
}

async function statusAndText(answer) {
  return [answer.status, await answer.text()];
}

/** Status and text of an object's answer, both in time. */
export function read(object, millis, request) {
  return within(millis, object.fetch(request).then(statusAndText));
}

/** Sends a request on to an object, with its body unread and other headers. */
export function passed(object, millis, method, url, lines, request) {
  const body = method === "POST" ? request.body : null;
  return within(millis, object.fetch(url, { method, headers: record(lines), body }));
}
