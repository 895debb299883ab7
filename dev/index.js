// The Worker beside the one that `cargo xtask dev` and tests run under `wrangler dev`: a stage of the sample manifest has its classes.
import { WorkflowEntrypoint } from "cloudflare:workers";

export { ChatDO, default } from "./chat.js";

export class OnboardingWorkflow extends WorkflowEntrypoint {
  async run(event, step) {
    const userId = event.payload?.userId ?? null;
    return step.do("welcome", async () => ({ welcomed: userId }));
  }
}
