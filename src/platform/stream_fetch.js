// Fetches whose answers are read as they arrive, in as few steps between here and WebAssembly as they take.

// Bodies up to this many bytes that say how long they are come in one piece, with the headers.
const SMALL = 65_536;

// The headers of answers that anybody asks for: of one that is as expected, and of every other.
const EXPECTED = ["content-type", "mcp-session-id"];
const ALL = [...EXPECTED, "location", "retry-after", "www-authenticate"];

// Most requests to an upstream have the headers of the one before: each set is made once, and a fetch copies it. They are secret,
// and forgotten after half a minute, as the isolate does with the keys in them.
const MOST_SETS = 64;
const LONGEST_SET = 2_048;
const KEPT_MS = 30_000;
const sets = new Map();
let since = 0;

// `lines`: names and values in turn, a line each.
function headers(lines) {
  const now = Date.now();
  if (now - since >= KEPT_MS) {
    sets.clear();
    since = now;
  }
  const known = sets.get(lines);
  if (known !== undefined) return known;
  const parts = lines.split("\n");
  const made = new Headers();
  for (let at = 0; at + 1 < parts.length; at += 2) made.append(parts[at], parts[at + 1]);
  if (lines.length <= LONGEST_SET) {
    if (sets.size >= MOST_SETS) sets.clear();
    sets.set(lines, made);
  }
  return made;
}

/** A fetch. `answer`: itself once its headers are there, null where they are late. `lines`: names and values of headers in turn. */
class Opening {
  #controller = new AbortController();
  #late = false;

  constructor(method, url, lines, body, millis) {
    this.answer = this.#send(method, url, lines, body, millis);
  }

  async #send(method, url, lines, body, millis) {
    const timer = setTimeout(() => {
      this.#late = true;
      this.#controller.abort();
    }, millis);
    try {
      const { signal } = this.#controller;
      const init = { method, headers: headers(lines), body, redirect: "manual", signal };
      const response = await fetch(url, init);
      const { status, headers: sent } = response;
      this.status = status;
      this.headers = "";
      for (const name of status === 200 ? EXPECTED : ALL) {
        const value = sent.get(name);
        if (value !== null) this.headers += `${name}\n${value}\n`;
      }
      const length = sent.get("content-length");
      const isPlain = length !== null && !sent.has("content-encoding");
      if (response.body === null) this.bytes = new Uint8Array(0);
      else if (isPlain && Number(length) <= SMALL) {
        this.bytes = new Uint8Array(await response.arrayBuffer());
      } else this.response = response;
      return this;
    } catch (error) {
      if (this.#late) return null;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  abort() {
    this.#controller.abort();
  }
}

/** Sends a request: `lines` are names and values of headers in turn; it is late `millis` after now. */
export function open(method, url, lines, body, millis) {
  return new Opening(method, url, lines, body, millis);
}
