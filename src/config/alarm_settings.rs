//! The settings of the alarms. Part of [`settings`](super::settings).

#![expect(missing_docs, reason = "`does` and `when` document a setting")]

use super::setting::{Setting, Values};

pub static ALARM_WEBHOOK_URL: Setting = Setting::secret(
    "ALARM_WEBHOOK_URL",
    Values::Text("an https URL"),
)
.does("Switches the [alarms](OPERATIONS.md#alarms-of-the-worker) on: their messages go there.")
.when(
    "Set it together with `ALARM_WEBHOOK_SECRET`, `ALARM_API_TOKEN`, `CLOUDFLARE_ACCOUNT_ID`, \
             a cron and `MCP_KV`.",
);

pub static ALARM_WEBHOOK_SECRET: Setting = Setting::secret(
    "ALARM_WEBHOOK_SECRET",
    Values::Text("base64 of 24 to 64 bytes, with or without `whsec_` in front"),
)
.does("Signs the messages of the alarms as Standard Webhooks describes it.")
.when("Give the same to the receiver.");

pub static ALARM_API_TOKEN: Setting =
    Setting::secret("ALARM_API_TOKEN", Values::Text("a token of Cloudflare"))
        .does("Asks for the numbers of the alarms.")
        .when("Give it the permission Account Analytics Read, and no other.");

pub static ALARM_DATASET: Setting =
    Setting::variable("ALARM_DATASET", Values::Text("the name of a dataset"), "sitebay_mcp")
        .does("The dataset that the alarms look at.")
        .when("Set it where `wrangler.toml` names another one, as for staging.");

pub static ALARM_THRESHOLDS: Setting = Setting::variable(
    "ALARM_THRESHOLDS",
    Values::Text("names and percentages, such as `rate-limit=5, failed=off`"),
    "rate-limit=5, refused=25, failed=1, objects=0.5",
)
.does("From which share of the requests on an alarm is raised, in percent.")
.when("Set it where the usual share of refusals is another one.");

/// All that the alarms alone have.
pub static ALARMS: &[&Setting] = &[
    &ALARM_WEBHOOK_URL,
    &ALARM_WEBHOOK_SECRET,
    &ALARM_API_TOKEN,
    &ALARM_DATASET,
    &ALARM_THRESHOLDS,
];
