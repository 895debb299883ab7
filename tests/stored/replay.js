// The main module of a server that sends its objects the messages that it is given.
const BINDINGS = {
  SessionAgent: "SESSION_AGENT",
  HubAgent: "HUB_AGENT",
  TaskAgent: "TASK_AGENT",
  KeyAgent: "KEY_AGENT",
  GrantAgent: "GRANT_AGENT",
  QuotaAgent: "QUOTA_AGENT",
};

export * from "./index.js";
export default {
  async fetch(request, env, context) {
    const { class: name, name: object, method, path, headers, body } = await request.json();
    const stub = env[BINDINGS[name]].getByName(object);
    const sent = { method, headers, body: body === "" ? undefined : body };
    const answer = await stub.fetch(`https://object${path}`, sent);
    answer.webSocket?.accept();
    // A socket lives as long as the request that opened it.
    context.waitUntil(new Promise((resolve) => setTimeout(resolve, 20_000)));
    const is_read = name !== "SessionAgent" && answer.status !== 101;
    const text = is_read ? await answer.text() : "";
    return Response.json({ status: answer.status, answer: text });
  },
};
