// The main module of a server that notes each message to its objects, and the answer, in its log.
import * as worker from "./index.js";

// Of a large result its beginning says enough.
const MOST = 4_000;

function recorded(name) {
  return class extends worker[name] {
    #name;

    constructor(state, env) {
      super(state, env);
      this.#name = state.id.name ?? "";
    }

    async fetch(request) {
      const { method, url } = request;
      const headers = Object.fromEntries(request.headers);
      const body = request.body === null ? "" : request.clone().text();
      const answer = await super.fetch(request);
      const is_read = answer.status !== 101 && answer.status !== 299;
      const message = {
        class: name,
        name: this.#name,
        method,
        path: url.slice("https://object".length),
        headers,
        body: (await body).slice(0, MOST),
        status: answer.status,
        answer: is_read ? (await answer.clone().text()).slice(0, MOST) : "",
      };
      console.log(`MESSAGE ${JSON.stringify(message)}`);
      return answer;
    }
  };
}

export * from "./index.js";
export const SessionAgent = recorded("SessionAgent");
export const HubAgent = recorded("HubAgent");
export const TaskAgent = recorded("TaskAgent");
export const KeyAgent = recorded("KeyAgent");
export const GrantAgent = recorded("GrantAgent");
export const QuotaAgent = recorded("QuotaAgent");
export default worker.default;
