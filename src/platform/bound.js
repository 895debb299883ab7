// Asks a database, a bucket or a Workflow that is bound to this Worker, by the name of the binding. `worker` has no class for
// Workflows, and its class for D1 does not give the names of columns. Every question has a deadline.

// The methods by which a kind is known.
const METHODS = {
  d1: ["prepare", "batch"],
  r2: ["list", "head"],
  workflow: ["create", "get"],
};

/** Whether something of this kind is bound under this name. */
export function isBound(env, kind, name) {
  const binding = env[name];
  if (binding === null || typeof binding !== "object") return false;
  return METHODS[kind]?.every((method) => typeof binding[method] === "function") ?? false;
}

// `bytes`: how much JSON the rows may be; one row more shows that there are others.
function fitting(columns, rows, meta, bytes) {
  let size = 0;
  const end = rows.findIndex((row) => {
    size += JSON.stringify(row).length + 1;
    return size > bytes;
  });
  const kept = end < 0 ? rows : rows.slice(0, end + 1);
  return { results: { columns, rows: kept }, meta, cut: kept.length < rows.length };
}

async function rows(database, { sql, params, bytes }) {
  const statement = database.prepare(sql).bind(...params);
  const { results, meta } = await statement.all();
  const names = Object.keys(results[0] ?? {});
  // Without a row there are no names, and those that look like numbers are not in their place.
  if (names.length === 0 || names.some((name) => /^\d+$/.test(name))) {
    const [columns, ...found] = await statement.raw({ columnNames: true });
    return fitting(columns ?? [], found, meta, bytes);
  }
  return fitting(names, results.map(Object.values), meta, bytes);
}

async function objects(bucket, { prefix, delimiter, limit, cursor }) {
  const options = { limit, include: ["httpMetadata"] };
  if (prefix !== "") options.prefix = prefix;
  if (delimiter !== null) options.delimiter = delimiter;
  if (cursor !== null) options.cursor = cursor;
  const page = await bucket.list(options);
  const shown = (object) => ({
    key: object.key,
    size: object.size,
    last_modified: object.uploaded.toISOString(),
    http_metadata: { contentType: object.httpMetadata?.contentType },
    storage_class: object.storageClass || undefined,
  });
  const next = page.truncated ? page.cursor : null;
  return { objects: page.objects.map(shown), prefixes: page.delimitedPrefixes, cursor: next };
}

async function start(workflow, { id, params }) {
  const run = await workflow.create({ id, params });
  return { id: run.id };
}

async function run(workflow, { id }) {
  const found = await workflow.get(id);
  const { status, output, error } = await found.status();
  return { status, output, error };
}

const ASKS = { rows, objects, start, run };

// JSON has no such numbers.
const plain = (_, value) => (typeof value === "bigint" ? String(value) : value);

async function answered(env, name, what, values) {
  try {
    const answer = await ASKS[what](env[name], JSON.parse(values));
    return JSON.stringify({ answer }, plain);
  } catch (error) {
    return JSON.stringify({ failed: String(error?.message ?? error) });
  }
}

// What came, or null where nothing did in time.
function within(millis, sent) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, millis, null);
  });
  return Promise.race([sent, late]).finally(() => clearTimeout(timer));
}

/** The answer as `{answer}` or `{failed}`, a JSON text; null where it did not come in time. */
export function ask(env, name, what, values, millis) {
  return within(millis, answered(env, name, what, values));
}
