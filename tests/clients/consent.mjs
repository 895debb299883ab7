// A person with Chromium: opens the consent page, enters the token, and clicks.
// Usage: node consent.mjs CHROMIUM URL TOKEN. Ends when the browser has left the page.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [chromium, url, token] = process.argv.slice(2);
const profile = await mkdtemp(join(tmpdir(), "consent-"));
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const browser = spawn(chromium, [...flags, "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"], {
  stdio: ["ignore", "ignore", "pipe"],
});

/** The address on which the browser takes commands. */
async function commandPlace() {
  for await (const line of createInterface({ input: browser.stderr })) {
    const found = /DevTools listening on (ws:\S+)/.exec(line);
    if (found) return new URL(found[1]);
  }
  throw new Error("the browser does not listen");
}

/** Commands to the first page. */
async function page() {
  const targets = await (await fetch(`http://${(await commandPlace()).host}/json/list`)).json();
  const socket = new WebSocket(targets.find(({ type }) => type === "page").webSocketDebuggerUrl);
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    waiting.get(id)?.(error ? { error } : result);
    waiting.delete(id);
  };
  let next = 0;
  return (method, params = {}) => new Promise((resolve) => {
    waiting.set(++next, resolve);
    socket.send(JSON.stringify({ id: next, method, params }));
  });
}

const send = await page();
const evaluate = async (expression) => (await send("Runtime.evaluate", { expression })).result?.value;

/** Waits until an expression is true on the page. */
async function until(expression) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await evaluate(expression)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never ${expression}, but ${await evaluate("location.href + document.body.innerText")}`);
}

try {
  await send("Page.navigate", { url });
  await until("!!document.querySelector('#token')");
  await evaluate("document.querySelector('#token').focus()");
  await send("Input.insertText", { text: token });
  // A real click: CSP and the browser's own checks of the form apply.
  await evaluate("document.querySelector('button[value=allow]').scrollIntoView()");
  const place = JSON.parse(await evaluate(
    "JSON.stringify(document.querySelector('button[value=allow]').getBoundingClientRect())"));
  const at = { x: place.x + place.width / 2, y: place.y + place.height / 2, button: "left", clickCount: 1 };
  await send("Input.dispatchMouseEvent", { type: "mousePressed", ...at });
  await send("Input.dispatchMouseEvent", { type: "mouseReleased", ...at });
  await until(`location.host !== ${JSON.stringify(new URL(url).host)}`);
  console.log(await evaluate("location.href"));
} finally {
  browser.kill();
  await new Promise((resolve) => browser.on("close", resolve));
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}
