// Counts what Cloudflare's price list counts, around any Worker with Durable Objects: requests to
// objects, rows written, alarms. For runs that count; those that are timed go without it.
const counts = { objectRequests: 0, socketMessages: 0, alarmsRun: 0, alarmsSet: 0, keysWritten: 0 };
const cursors = [];
let watched = false;

/** What was counted since the last time. */
function report() {
  const rowsWritten = cursors.splice(0).reduce((sum, cursor) => sum + cursor.rowsWritten, 0);
  const text = JSON.stringify({ ...counts, rowsWritten });
  for (const name of Object.keys(counts)) counts[name] = 0;
  return new Response(text);
}

/** An object's stub: each call, by `fetch` or by name, is a request to the object. */
function stub(target) {
  return new Proxy(target, {
    get(_, name) {
      const value = target[name];
      if (typeof value !== "function" || name === "constructor") return value;
      return (...args) => {
        counts.objectRequests += 1;
        return target[name](...args);
      };
    },
  });
}

function namespace(target) {
  return new Proxy(target, {
    get(_, name) {
      const value = target[name];
      if (typeof value !== "function" || name === "constructor") return value;
      if (name === "jurisdiction") return (...args) => namespace(target[name](...args));
      if (name === "get" || name === "getByName") return (...args) => stub(target[name](...args));
      return value.bind(target);
    },
  });
}

function bindings(env) {
  const isNamespace = (value) => value?.constructor?.name === "DurableObjectNamespace";
  const wrapped = Object.entries(env).map(([name, value]) => [
    name,
    isNamespace(value) ? namespace(value) : value,
  ]);
  return Object.fromEntries(wrapped);
}

/** Watches the storage of all objects: they share these prototypes. */
function watch(storage) {
  if (watched) return;
  watched = true;
  const around = (prototype, name, count) => {
    const inner = prototype[name];
    prototype[name] = function (...args) {
      const result = inner.apply(this, args);
      count(args, result);
      return result;
    };
  };
  const keys = ([first]) => {
    const many = typeof first === "object" ? (first.length ?? Object.keys(first).length) : 1;
    counts.keysWritten += many;
  };
  const prototype = Object.getPrototypeOf(storage);
  around(prototype, "put", keys);
  around(prototype, "delete", keys);
  around(prototype, "setAlarm", () => (counts.alarmsSet += 1));
  around(prototype, "deleteAlarm", () => (counts.alarmsSet += 1));
  around(Object.getPrototypeOf(storage.sql), "exec", (_, cursor) => cursors.push(cursor));
  const kv = storage.kv && Object.getPrototypeOf(storage.kv);
  if (kv) {
    around(kv, "put", keys);
    around(kv, "delete", keys);
  }
}

/** A class of objects that counts. */
export function counted(Class) {
  class Counted extends Class {
    constructor(ctx, env) {
      watch(ctx.storage);
      super(ctx, bindings(env));
    }
  }
  const counting = (name, count) => {
    if (!Class.prototype[name]) return;
    Counted.prototype[name] = function (...args) {
      counts[count] += 1;
      return Class.prototype[name].apply(this, args);
    };
  };
  counting("alarm", "alarmsRun");
  counting("webSocketMessage", "socketMessages");
  return Counted;
}

const isReport = (request) => new URL(request.url).pathname === "/__counts";

/** An entry, class or record, that counts. */
export function counting(entry) {
  if (typeof entry !== "function") {
    return {
      fetch: (request, env, ctx) =>
        isReport(request) ? report() : entry.fetch(request, bindings(env), ctx),
    };
  }
  return class extends entry {
    constructor(ctx, env) {
      super(ctx, bindings(env));
    }

    fetch(request) {
      return isReport(request) ? report() : super.fetch(request);
    }
  };
}
