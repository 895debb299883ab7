// A Worker beside the served one: its class ChatDO is what the sample manifest opens for messages.
import { DurableObject } from "cloudflare:workers";

export class ChatDO extends DurableObject {
  async fetch(request) {
    if (request.method !== "POST" || new URL(request.url).pathname !== "/message") {
      return new Response("no such path", { status: 404 });
    }
    const { message } = await request.json();
    const count = ((await this.ctx.storage.get("count")) ?? 0) + 1;
    await this.ctx.storage.put("count", count);
    return Response.json({ received: message, count });
  }
}

export default {
  fetch() {
    return new Response("only its objects are reached", { status: 404 });
  },
};
