// The module that the runtime loads: what `worker-build` made (`worker.js`), with three things that it
// does not do. Microtasks are cheap, a call that waits for an instance which a trap ended fails at once,
// and a client whose request was lost is told so.
import * as built from "./worker.js";

// The runtime's own makes an object of its API for every task, and a session call has about ten.
// Reactions of a settled promise are the same queue.
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => void settled.then(task);

const Worker = built.default;
const life = globalThis.__worker_init_state;
let instance = life.instanceId;

// How to fail the calls that wait. The promises of an instance that ended are never settled.
const waiting = new Set();

function fail() {
  const error = new Error("the instance ended");
  for (const reject of waiting) reject(error);
  waiting.clear();
}

function note(error) {
  if (error instanceof WebAssembly.RuntimeError) fail();
}

// Where a trap comes out that no call is under way for: of a timer or a socket, of a task.
addEventListener("error", (event) => note(event.error));
addEventListener("unhandledrejection", (event) => note(event.reason));

function owed(promise) {
  return new Promise((resolve, reject) => {
    waiting.add(reject);
    const settles = (settle) => (value) => {
      waiting.delete(reject);
      settle(value);
    };
    promise.then(settles(resolve), settles(reject));
  });
}

/** The same method; its promise fails at once when the instance ends. */
function guarded(method) {
  return function (...values) {
    let promise;
    try {
      promise = method.apply(this, values);
    } catch (error) {
      note(error);
      throw error;
    }
    // After an end that did not show. The call has made the next instance.
    if (instance !== life.instanceId) {
      instance = life.instanceId;
      fail();
    }
    return owed(promise);
  };
}

const METHODS = ["fetch", "alarm", "webSocketMessage", "webSocketClose", "webSocketError", "pull"];

for (const { prototype } of Object.values(built)) {
  for (const name of METHODS) {
    if (Object.hasOwn(prototype, name)) prototype[name] = guarded(prototype[name]);
  }
}

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
  // As `src/answer.rs` has them, so that a page can read what went wrong.
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "access-control-allow-origin": request.headers.get("origin") ?? "*",
    vary: "Origin",
  };
  return new Response(message, { status: 500, headers });
}

export * from "./worker.js";

// Not as an instance of the class that `worker-build` made: it is an object and two proxies for each request.
const { fetch: answer, scheduled: due } = Worker.prototype;

export default {
  async fetch(request, env, ctx) {
    // Where a panic aborts, `worker-build` would end the instance once more that this call makes.
    life.criticalError = false;
    try {
      return await answer.call({ env, ctx }, request);
    } catch (error) {
      return lost(error, request, env);
    }
  },

  async scheduled(event, env, ctx) {
    life.criticalError = false;
    await due.call({ env, ctx }, event);
  },
};
