// The module that the runtime loads: the Worker, and the classes of its objects as thin shells
// around the WebAssembly instance.
//
// Invariant: a shell outlives the instance. One that a trap ended is replaced at the next call, and
// each shell makes its inner object anew.
import * as instance from "./index.js";

// The runtime's own makes an object of its API for every task, and a session call has about ten.
// Reactions of a settled promise are the same queue.
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => void settled.then(task);

Error.stackTraceLimit = 100;

const life = instance.__worker_init_state();

function over() {
  life.criticalError = true;
}

function note(error) {
  if (error instanceof WebAssembly.RuntimeError) over();
}

// For a trap that leaves no room for saying so.
addEventListener("error", (event) => note(event.error));
addEventListener("unhandledrejection", (event) => note(event.reason));
instance.whenEnded(over);

function call(entry) {
  // Not where it ended: what is still on the stack belongs to the old one.
  if (life.criticalError) {
    life.criticalError = false;
    instance.__wbg_reset_state();
    instance.whenEnded(over);
  }
  try {
    return entry();
  } catch (error) {
    note(error);
    throw error;
  }
}

function shell(name) {
  return class {
    #made;
    #inner;
    #instance;

    constructor(state, env) {
      this.#made = [state, env];
      call(() => this.#current());
    }

    #current() {
      if (this.#instance !== life.instanceId) {
        this.#inner = new instance[name](...this.#made);
        this.#instance = life.instanceId;
      }
      return this.#inner;
    }

    fetch(request) {
      return call(() => this.#current().fetch(request));
    }

    alarm() {
      return call(() => this.#current().alarm());
    }

    // What clients say on sockets is not listened to: they only carry what the object tells.
    webSocketMessage() {}

    webSocketClose(socket) {
      return call(() => this.#current().webSocketClose(socket));
    }

    webSocketError(socket) {
      return call(() => this.#current().webSocketError(socket));
    }
  };
}

export const GrantAgent = shell("GrantAgent");
export const HubAgent = shell("HubAgent");
export const KeyAgent = shell("KeyAgent");
export const QuotaAgent = shell("QuotaAgent");
export const SessionAgent = shell("SessionAgent");
export const TaskAgent = shell("TaskAgent");

// The JSON-RPC id is gone with the body. An error with `id: null` would make a client wait that finds
// requests by id (rmcp 3.8 drops such an error); a body that is no JSON-RPC fails the request at
// once in the SDKs for TypeScript, Python and Rust.
function lost(error, request, env) {
  if (env.LOG_LEVEL !== "off") {
    const fault = `a request was lost: ${error}`;
    console.error(JSON.stringify({ level: "error", event: "fault", message: fault }));
  }
  const message =
    "internal error: the server failed. If the call changes something, the change may have happened: " +
    "check before you repeat it\n";
  // As `edge::answer` has them, so that a page can read what went wrong.
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "access-control-allow-origin": request.headers.get("origin") ?? "*",
    vary: "Origin",
  };
  return new Response(message, { status: 500, headers });
}

export default {
  async fetch(request, env, context) {
    try {
      return await call(() => instance.fetch(request, env, context));
    } catch (error) {
      return lost(error, request, env);
    }
  },
};
