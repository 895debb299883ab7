// Sends one unlock of `cargo xtask stage unlock`. The key is in the environment, and never in an argument.
const { UNLOCK_URL, UNLOCK_BODY, STAGE_UNLOCK_KEY } = process.env;

const answer = await fetch(UNLOCK_URL, {
  method: "POST",
  // The key goes to this address and to no other.
  redirect: "error",
  headers: { authorization: `Bearer ${STAGE_UNLOCK_KEY}`, "content-type": "application/json" },
  body: UNLOCK_BODY,
});
const text = await answer.text();
let said = {};
try {
  said = JSON.parse(text);
} catch {
  // Not the answer of this server.
}
if (answer.status !== 200 || typeof said.plan !== "string") {
  const error = typeof said.error === "string" ? said.error : said.error?.message;
  console.error(`${answer.status}: ${error ?? text.slice(0, 200)}`);
  process.exit(1);
}
console.log(said.plan);
console.log(`Unlocked for plan ${said.plan_id}, once, until ${said.until}, by ${said.by}.`);
