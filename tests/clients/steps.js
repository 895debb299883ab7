// What every client in JavaScript does once it is connected, in Node and in a page.

/** Fails unless both are the same as JSON. */
export function equal(found, expected, what) {
  const [left, right] = [found, expected].map((value) => JSON.stringify(value));
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`);
}

/** The promise's value, or a failure that says what did not come. */
export function within(promise, what, ms = 20_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** News that a step waits for: `heard` is the handler, `next()` waits for what is yet to come. */
export function news() {
  const waiting = [];
  return {
    heard: () => waiting.splice(0).forEach((resolve) => resolve()),
    next: () => new Promise((resolve) => waiting.push(resolve)),
  };
}

/** The text of a tool's result. */
export function text(result) {
  if (result.isError) throw new Error(`a tool failed: ${JSON.stringify(result.content)}`);
  return result.content[0].text;
}

/** A handler of elicitation/create: gives the name it is asked for, and consents where `person` does. */
export function answers(person = { consents: true }) {
  const asked = [];
  const handler = async ({ params }) => {
    const fields = Object.keys(params.requestedSchema.properties);
    asked.push(fields);
    if (!fields.includes("confirm")) return { action: "accept", content: { name: "Ada" } };
    if (!person.consents) return { action: "decline" };
    return { action: "accept", content: { confirm: true } };
  };
  return { asked, handler };
}

/** `ask`, where the server has it: one question, and an answer made of what it was told. */
export async function elicit(names, call, asked) {
  if (!names.includes("ask")) return;
  equal(text(await call("ask", {})), "Hello, Ada", "ask");
  equal(asked, [["name"]], "what was asked for");
}

/**
 * Lists, calls, watches progress, answers a question, hears news.
 * `call(name, args, onprogress)` calls a tool; `changed` is the news of the tools' list; `progress`
 * is how many of four steps are sure to be seen.
 */
export async function everything({ client, call, asked, changed, progress = 4 }) {
  const { tools } = await client.listTools();
  const names = tools.map(({ name }) => name);
  for (const name of ["echo", "slow", "notify"]) {
    if (!names.includes(name)) throw new Error(`no ${name} in ${names}`);
  }
  equal(text(await call("echo", { text: "grüße 🌍" })), "grüße 🌍", "echo");
  const steps = [];
  const slow = await call("slow", { ms: 400, steps: 4 }, (step) => steps.push(step.progress));
  equal(text(slow), "done", "slow");
  equal(steps.slice(0, progress), [1, 2, 3, 4].slice(0, progress), "progress");
  await elicit(names, call, asked);
  const told = changed.next();
  equal(text(await call("notify", {})), "announced", "notify");
  await within(told, "tools/list_changed");
}
