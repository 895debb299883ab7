// The main module of a server whose objects fail as a test wants them to. It wraps the built Worker,
// which is the same with it and without it. FAULTS and HASTE are written in front of this text.
import * as worker from "./index.js";

const timer = globalThis.setTimeout;
const LONG_MS = 1_000;
const NEVER_MS = 3_600_000;
const WORKS_ON_MS = 400;
const EARLY_MS = 200;

// Deadlines and other long pauses pass faster, so that no test waits for them.
globalThis.setTimeout = (task, ms, ...rest) =>
  timer(task, ms >= LONG_MS ? ms / HASTE : ms, ...rest);

// The same for requests to other servers, which have a second to answer in on a loaded machine.
const signal = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (ms) => signal(Math.max(Math.min(ms, LONG_MS), ms / HASTE));

function due(name, request) {
  const path = new URL(request.url).pathname;
  const fits = (wanted) =>
    wanted.endsWith("*") ? path.startsWith(wanted.slice(0, -1)) : path === wanted;
  return FAULTS.find((fault) => fault.class === name && fits(fault.path) && fault.times > 0);
}

// An alarm that comes too early finds nothing to do, and is set again.
function hasten(storage) {
  const set = storage.setAlarm.bind(storage);
  storage.setAlarm = (at, options) => set(Math.min(at, Date.now() + EARLY_MS), options);
}

// The first alarms cannot be set.
function disarm(storage, fault) {
  const set = storage.setAlarm.bind(storage);
  storage.setAlarm = async (at, options) => {
    if (fault.times > 0) {
      fault.times -= 1;
      throw new Error("a fault in place of an alarm");
    }
    console.log("an alarm was set");
    return set(at, options);
  };
}

export function faulty(name) {
  return class extends worker[name] {
    #state;

    constructor(state, env) {
      super(state, env);
      this.#state = state;
      if (FAULTS.some((fault) => fault.class === name && fault.how === "early")) hasten(state.storage);
      const unarmed = FAULTS.find((fault) => fault.class === name && fault.how === "unarmed");
      if (unarmed !== undefined) disarm(state.storage, unarmed);
    }

    async fetch(request) {
      const fault = due(name, request);
      if (fault === undefined) return super.fetch(request);
      fault.times -= 1;
      if (fault.how === "hang") await new Promise((resolve) => timer(resolve, NEVER_MS));
      if (fault.how === "refuse") throw new Error("a fault before the object was asked");
      if (fault.how === "unknown") return new Response("not known here", { status: 404 });
      if (fault.how === "mute") {
        const [client, server] = Object.values(new WebSocketPair());
        server.accept();
        return new Response(null, { status: 101, webSocket: client });
      }
      const answer = await super.fetch(request);
      if (fault.how === "lose") {
        await new Promise((resolve) => timer(resolve, WORKS_ON_MS));
        await this.#state.storage.sync();
        this.#state.abort("a fault after the object was asked");
      }
      if (fault.how === "stall") {
        const body = new ReadableStream({ pull: () => new Promise((resolve) => timer(resolve, NEVER_MS)) });
        return new Response(body, answer);
      }
      return answer;
    }
  };
}

export * from "./index.js";
export default worker.default;
