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

// Those of them that objects read: the Worker passes no other on to them.
const OF_OBJECTS = [
  "x-internal-seal",
  "origin",
  "x-sitebay-token",
  "content-length",
  "last-event-id",
  "traceparent",
];
const READ_BY_OBJECTS = NAMES.map((name) => (OF_OBJECTS.includes(name) ? name : null));

/**
 * Method and address, then those headers, a line each; one that is there begins with a colon.
 * `passed`: the request comes from the Worker.
 */
export function head(request, passed) {
  const headers = request.headers;
  let text = `${request.method}\n${request.url}`;
  for (const name of passed ? READ_BY_OBJECTS : NAMES) {
    const value = name === null ? null : headers.get(name);
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

// The headers of most answers are the same few: each set is made once, and an answer copies it.
// A set is known by its number (`KnownHeaders` in `response_builder.rs`).
const known = [];

/** Makes a set: headers that are the same in every answer, and the names of those that are not. */
export function remember(at, lines, names) {
  known[at] = { headers: new Headers(record(lines)), names: names === "" ? [] : names.split("\n") };
}

/** An answer with a known set of headers; `values` belong to its names, a line each. */
export function other(status, at, values, body) {
  const { headers, names } = known[at];
  if (names.length > 0) {
    const parts = values.split("\n");
    // All of them are set for each answer, so that none keeps a value of the answer before.
    for (let index = 0; index < names.length; index++) headers.set(names[index], parts[index]);
  }
  return new Response(body, { status, headers });
}

export function whole(status, at, values, body) {
  return other(status, at, values, body.slice());
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

/**
 * Status and beginning of an object's answer, both in time. It has at least `most` bytes where the answer has them; what comes
 * after it, or too late, is not read.
 */
export function begun(object, millis, request, most) {
  let reader = null;
  const end = () => reader?.cancel().catch(() => {});
  const beginning = async ({ status, body }) => {
    const decoder = new TextDecoder();
    let text = "";
    if (body === null) return [status, text];
    reader = body.getReader();
    for (let size = 0; size < most; ) {
      const { done, value } = await reader.read();
      if (done) return [status, text + decoder.decode()];
      size += value.byteLength;
      text += decoder.decode(value, { stream: true });
    }
    end();
    return [status, text];
  };
  return within(millis, object.fetch(request).then(beginning)).finally(end);
}

/** Sends a request on to an object, with its body unread and other headers. */
export function passed(object, millis, method, url, lines, request) {
  const body = method === "POST" ? request.body : null;
  return within(millis, object.fetch(url, { method, headers: record(lines), body }));
}
