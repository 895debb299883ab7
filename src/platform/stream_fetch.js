// Fetches whose answers are read as they arrive, in as few steps between here and WebAssembly as they take.

// Bodies up to this many bytes that say how long they are come in one piece, with the headers.
const SMALL = 65_536;

/** A fetch. `answer`: itself once its headers are there, null where they are late. `lines`: names and values of headers in turn. */
class Opening {
  #controller = new AbortController();
  #late = false;

  constructor(method, url, lines, body, millis) {
    this.answer = this.#send(method, url, lines, body, millis);
  }

  async #send(method, url, lines, body, millis) {
    const parts = lines.split("\n");
    const headers = [];
    for (let at = 0; at + 1 < parts.length; at += 2) headers.push([parts[at], parts[at + 1]]);
    const timer = setTimeout(() => {
      this.#late = true;
      this.#controller.abort();
    }, millis);
    try {
      const { signal } = this.#controller;
      const response = await fetch(url, { method, headers, body, redirect: "manual", signal });
      this.status = response.status;
      this.headers = "";
      for (const [name, value] of response.headers) this.headers += `${name}\n${value}\n`;
      const length = response.headers.get("content-length");
      const isPlain = length !== null && !response.headers.has("content-encoding");
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
