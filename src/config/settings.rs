//! The variables and secrets that the server reads: one declaration each.
//!
//! Invariant: the configuration is read by these declarations only, and reads every one of them.
//! `docs/CONFIGURATION.md` is written from here (`cargo xtask docs`).

#![expect(missing_docs, reason = "`does` and `when` document a setting")]

use mcp_auth::keys::MIN_KEY_CHARS;

pub use super::setting::{Setting, Values};
use super::{alarm_settings::ALARMS, infrastructure};

/// Characters that a key or a shared secret must have outside development: 16 characters of a generated
/// key carry 64 bits or more, too many to guess.
const MIN_SECRET_CHARS: usize = 16;

pub static ENVIRONMENT: Setting = Setting::variable(
    "ENVIRONMENT",
    Values::Text("`production`, `staging`, `development` or another name"),
    "production",
)
.does(
    "Names the deployment. `development` leaves the server [open while no key is set](ACCESS.md), \
     accepts short keys with a warning, allows http addresses and pages of this machine, and \
     serves `/metrics`. It also chooses the default of `RATE_LIMIT`.",
)
.when(
    "Set `development` on your own machine only. Every name but `development` is as strict as \
     `production`.",
);

pub static SITEBAY_API_TOKEN: Setting =
    Setting::secret("SITEBAY_API_TOKEN", Values::Text("a SiteBay API token"))
        .does("The SiteBay account that callers without a token of their own act on.")
        .when(
            "Leave it out where every caller sends `X-SiteBay-Token` or signs in with OAuth. Make \
             one in SiteBay under Settings → API Tokens.",
        );

pub static SITEBAY_API_URL: Setting = Setting::variable(
    "SITEBAY_API_URL",
    Values::Text("an https URL; http on this machine, and anywhere in development"),
    "https://my.sitebay.org",
)
.does("The address of the SiteBay API.")
.when(
    "Set it to test against another SiteBay, such as the sandbox. Callers' tokens are sent there.",
);

pub static SITEBAY_LEGACY_ROUTES: Setting =
    Setting::variable("SITEBAY_LEGACY_ROUTES", Values::Flag, "")
        .does("Offers operations that SiteBay retired in October 2026.")
        .when("Set it where the SiteBay at `SITEBAY_API_URL` still has them.");

pub static MCP_API_KEY: Setting = Setting::secret("MCP_API_KEY", Values::Keys(MIN_SECRET_CHARS))
    .does(
        "Lets in requests with `Authorization: Bearer <key>` or `X-API-Key: <key>`, with the \
         scope `write`. All callers who share it, and send no SiteBay token, are one subject.",
    )
    .when(
        "Use it where there is no database for [named \
         keys](ACCESS.md#named-keys), which are better: they have names, \
         scopes and ends.",
    );

pub static MCP_ADMIN_KEY: Setting =
    Setting::secret("MCP_ADMIN_KEY", Values::Keys(MIN_SECRET_CHARS))
        .does(
            "A key with the scope `admin`, for the [admin \
             API](ACCESS.md#the-admin-api).",
        )
        .when("Needed to make the first named key.");

pub static STAGE_UNLOCK_KEY: Setting =
    Setting::secret("STAGE_UNLOCK_KEY", Values::Keys(MIN_KEY_CHARS))
        .does(
            "Unlocks a protected stage for one plan, at the [admin \
             API](ACCESS.md#unlocking-a-protected-stage). It lets in nowhere, and no other key unlocks.",
        )
        .when(
            "Needed to destroy a protected stage, or to delete anything of it. Keep it away from every client of MCP.",
        );

pub static MCP_SHARED_SECRET: Setting =
    Setting::secret("MCP_SHARED_SECRET", Values::Keys(MIN_SECRET_CHARS))
        .does("Lets in requests with `X-MCP-Secret: <secret>`, with the scope `write`.")
        .when(
            "Use it where a gateway in front of the server adds a header and `Authorization` is \
             taken.",
        );

pub static MCP_JWT_SECRET: Setting = Setting::secret("MCP_JWT_SECRET", Values::Keys(MIN_KEY_CHARS))
    .does("Lets in JSON Web Tokens that are signed with it (HS256).")
    .when(
        "Use it where your own service issues the tokens and shares a secret with this \
             server.",
    );

pub static MCP_JWKS_URL: Setting = Setting::variable(
    "MCP_JWKS_URL",
    Values::Text("an https URL; http in development on this machine"),
    "",
)
.does(
    "Lets in JSON Web Tokens that are signed with the keys found there (RS256, ES256, \
             EdDSA).",
)
.when(
    "Use it with an identity provider. Needs `MCP_JWT_ISSUER` and `MCP_JWT_AUDIENCE`, \
             because its keys sign for other servers too.",
);

pub static MCP_JWT_ISSUER: Setting = Setting::variable("MCP_JWT_ISSUER", Values::Text("text"), "")
    .does("The `iss` that a token must have.")
    .when("Required with `MCP_JWKS_URL`; optional with `MCP_JWT_SECRET`.");

pub static MCP_JWT_AUDIENCE: Setting =
    Setting::variable("MCP_JWT_AUDIENCE", Values::Text("names, separated by commas or spaces"), "")
        .does("The `aud` that a token must have; any one of several is enough.")
        .when("Required with `MCP_JWKS_URL`; optional with `MCP_JWT_SECRET`.");

pub static ALLOW_KEY_IN_URL: Setting = Setting::variable("ALLOW_KEY_IN_URL", Values::Flag, "")
    .does("Accepts keys in the URL, as `?auth=<key>` or `?apiKey=<key>`.")
    .when("Set it only for a client that cannot send headers: logs and histories keep URLs.");

pub static MCP_ALLOWED_ORIGINS: Setting = Setting::variable(
    "MCP_ALLOWED_ORIGINS",
    Values::Text("origins, separated by commas or spaces; `*` allows all"),
    "the server's own origin; in development pages of this machine",
)
.does(
    "Web pages whose scripts may call the server. The origin of every request that has one is \
     checked.",
)
.when("Set it for clients that run in a browser, such as a playground of your own.");

pub static RATE_LIMIT: Setting = Setting::variable(
    "RATE_LIMIT",
    Values::Text("a whole number; `off` or `0`"),
    "100; `staging` 500; `development` 1000",
)
.does(
    "Requests that a subject, or an account with unverified tokens, may make [in a \
     minute](ACCESS.md#limits).",
)
.when("Raise it where many people share one key without tokens of their own.");

pub static ROLLOUT_ALLOW: Setting =
    Setting::variable("ROLLOUT_ALLOW", Values::Text("names, separated by commas or spaces"), "")
        .does(
            "Subjects, keys and clients that are let in at every [rollout \
             percentage](ACCESS.md#gradual-rollout).",
        )
        .when("Set it to try a deployment while it is closed to everyone else.");

pub static SESSION_KEY: Setting = Setting::secret("SESSION_KEY", Values::Keys(MIN_KEY_CHARS))
    .does(
        "Signs session ids, task ids and OAuth tokens. The first key of a list signs, all of them \
         verify. Where it is missing, a Durable Object generates a key and keeps it.",
    )
    .when(
        "Set it in production. [Replacing it](OPERATIONS.md#secrets) ends what the old key \
         signed.",
    );

pub static SUBJECT_KEY: Setting =
    Setting::secret("SUBJECT_KEY", Values::Text("one key of at least 32 characters; `generated`"))
        .does(
            "Names callers: a subject is a hash under this key. Where it is missing, the last key \
             of `SESSION_KEY` does. `generated` is the key that was made while no `SESSION_KEY` \
             was set.",
        )
        .when(
            "Set it once and never change it: a new key makes every caller [a new \
             subject](OPERATIONS.md#the-subject-key).",
        );

pub static CREDENTIAL_KEY: Setting = Setting::secret("CREDENTIAL_KEY", Values::Keys(MIN_KEY_CHARS))
    .does(
        "Encrypts the SiteBay tokens of callers whose work goes on in a task, those of \
             OAuth grants, and the keys that people [connect to \
             upstreams](GATEWAY.md#a-persons-own-key). The first key of a list encrypts, all of them decrypt.",
    )
    .when(
        "Without it no tasks are offered, long work ends with its call, OAuth stays off, and \
             people cannot connect keys.",
    );

pub static MCP_OAUTH: Setting = Setting::variable("MCP_OAUTH", Values::Word(&["off", "on"]), "off")
    .does(
        "Lets people [sign in on a page of this server](OAUTH.md), so that an app needs only the \
         URL. Needs `CREDENTIAL_KEY`.",
    )
    .when(
        "Leave it off where clients such as Cursor use keys: they ignore the headers they were \
         given once they find an OAuth server.",
    );

pub static MCP_OAUTH_ACCESS_MAX_AGE: Setting = Setting::variable(
    "MCP_OAUTH_ACCESS_MAX_AGE",
    Values::Number { least: 1, most: 86_400, unit: "seconds" },
    "3600",
)
.does("How long an OAuth access token is valid.")
.when("Apps refresh their tokens by themselves; a shorter time costs more refreshes.");

pub static MCP_OIDC_ISSUER: Setting = Setting::variable(
    "MCP_OIDC_ISSUER",
    Values::Text("an https URL; http in development on this machine"),
    "",
)
.does("The OpenID provider where [people sign in first](OAUTH.md#sign-in-with-another-provider).")
.when("Set it with the next two, or none of them.");

pub static MCP_OIDC_CLIENT_ID: Setting =
    Setting::variable("MCP_OIDC_CLIENT_ID", Values::Text("text"), "")
        .does("The client id that the provider gave this server.")
        .when("Register `https://<your worker>/authorize/callback` there.");

pub static MCP_OIDC_CLIENT_SECRET: Setting =
    Setting::secret("MCP_OIDC_CLIENT_SECRET", Values::Text("text"))
        .does("The client secret that the provider gave this server.")
        .when("Set it with the other two.");

pub static SESSION_PLACEMENT: Setting =
    Setting::variable("SESSION_PLACEMENT", Values::Word(&["session", "subject"]), "session")
        .does(
            "Which Durable Object holds a session: `session` one for each session, `subject` one \
             for all sessions of a caller with a token of its own.",
        )
        .when("[COST.md](COST.md) compares them. `session` spreads the load of busy callers.");

pub static SESSION_MAX_AGE: Setting = Setting::variable(
    "SESSION_MAX_AGE",
    Values::Number { least: 1, most: 2_592_000, unit: "seconds" },
    "86400",
)
.does("How long after its start a session ends.")
.when("A stolen session id is of no use after this time.");

pub static MCP_TOOLSETS: Setting = Setting::variable(
    "MCP_TOOLSETS",
    Values::Text(
        "`default`, `upstreams`, `all`, `dynamic`, [names of toolsets](TOOLS_REFERENCE.md) and \
         [of upstreams](GATEWAY.md#upstreams-as-toolsets), separated by commas",
    ),
    "default,upstreams",
)
.does("Toolsets that are offered to callers who do not choose.")
.when(
    "Set it to show fewer tools, or others. A tool of this server that is not listed can still be called by its \
     name, unless only upstreams are named here.",
);

pub static UPSTREAMS: Setting = Setting::variable(
    "UPSTREAMS",
    Values::Text("a JSON object of [upstreams](GATEWAY.md#upstreams) by name"),
    "",
)
.does("Other MCP servers behind the same door.")
.when(
    "Set it to offer tools of other servers, or to put OAuth, sessions and limits in front of one.",
);

pub static KEBOOLA: Setting = Setting::variable(
    "KEBOOLA",
    Values::Word(&["native", "upstream", "off"]),
    "",
)
.does(
    "Who answers as the upstream `keboola`: `native` this server itself, `upstream` [Keboola's MCP server](KEBOOLA.md), \
     `off` no server.",
)
.when("Set it to offer Keboola, or to switch between the two. Without it `UPSTREAMS` decides.");

pub static KEBOOLA_CLIENT_ID: Setting = Setting::variable(
    "KEBOOLA_CLIENT_ID",
    Values::Text("the id of a client"),
    "",
)
.does(
    "The id of this server as an OAuth client of Keboola, so that people can \
     [sign in there](KEBOOLA.md#sign-in-at-keboola) instead of entering a token.",
)
.when(
    "Set it once Keboola registered this server, with [a redirect URI for each stack](KEBOOLA.md#as-a-client-of-connection), such as \
     `https://<your worker>/connect/keboola/callback/eu-central-1.keboola.com`. \
     Needs `KEBOOLA_CLIENT_SECRET`.",
);

pub static KEBOOLA_CLIENT_SECRET: Setting =
    Setting::secret("KEBOOLA_CLIENT_SECRET", Values::Text("the client's secret"))
        .does("The secret that belongs to `KEBOOLA_CLIENT_ID`. It is sent to the stack at which a person signs in, and nowhere else.")
        .when("Set it together with `KEBOOLA_CLIENT_ID`.");

pub static UPSTREAM_SECRETS: Setting = Setting::variable(
    "UPSTREAM_SECRETS",
    Values::Text("names of secrets with hosts, such as `TICKETS_TOKEN@tickets.example`, separated by commas"),
    "",
)
.does(
    "The secrets that [upstreams in the database](GATEWAY.md#upstreams-in-the-database) may name, each with a host that it \
     may be sent to. The secret of an OAuth client needs another entry for the host of its `issuer`.",
)
.when(
    "Set it where administrators add upstreams that need a key. Without it theirs have none, and no secret can be sent to a \
     host that is not named here.",
);

pub static MCP_PAGE_SIZE: Setting = Setting::variable(
    "MCP_PAGE_SIZE",
    Values::Number { least: 1, most: 1_000, unit: "items" },
    "200",
)
.does("Items on one page of a list, such as `tools/list`.")
.when("Most clients read one page only, so the default holds all tools.");

pub static MCP_CONSENT: Setting = Setting::variable(
    "MCP_CONSENT",
    Values::Word(&["person", "argument", "refuse"]),
    "person",
)
.does(
    "Who agrees to a tool that destroys something. `person`: the person, wherever the client can \
     ask, else the model with `confirm: true`. `argument`: the model, with `confirm: true`. \
     `refuse`: the person; a client that cannot ask is refused.",
)
.when("Set `refuse` where no model may decide alone.");

pub static LOG_LEVEL: Setting = Setting::variable(
    "LOG_LEVEL",
    Values::Word(&["debug", "info", "warn", "error", "off"]),
    "info",
)
.does("The lowest level that is [logged](OPERATIONS.md#the-log). Requests are `info`.")
.when("Set `warn` where the data points are enough and lines cost too much.");

pub static AUDIT_READS: Setting = Setting::variable("AUDIT_READS", Values::Flag, "")
    .does(
        "Also notes calls that only read in the \
         [audit](ACCESS.md#the-audit).",
    )
    .when("Set it where reads must be accounted for; it writes many more rows.");

pub static AUDIT_DAYS: Setting =
    Setting::variable("AUDIT_DAYS", Values::Number { least: 0, most: 36_500, unit: "days" }, "90")
        .does("How long the audit keeps its entries.")
        .when("Set it to what your rules on retention ask for.");

pub static BACKEND_URL: Setting = Setting::variable(
    "BACKEND_URL",
    Values::Text("scheme, host and port of an https URL; http in development on this machine"),
    "",
)
.does(
    "The [server behind this one](GATEWAY.md#a-server-behind-this-one), which receives each request whose path this \
     server does not answer.",
)
.when(
    "Set it to a server that cannot run on Workers. It shares the origin of this server: use one that \
     you trust as much.",
);

pub static BACKEND_PATHS: Setting =
    Setting::variable("BACKEND_PATHS", Values::Word(&["rest", "all"]), "rest")
        .does(
            "Which paths go to the backend: `rest` those that this server does not answer, `all` \
             those of `/mcp` and `/sse` as well.",
        )
        .when("Set `all` where the backend is the whole MCP server.");

pub static BACKEND_ACCESS: Setting = Setting::variable(
    "BACKEND_ACCESS",
    Values::Text("`door` or `open`"),
    "`door`; in development `open`",
)
.does(
    "Who reaches the backend: `door` callers with a credential of this server, within its limits; `open` \
     every caller.",
)
.when("Set `open` where the backend has pages for the public, or checks its callers itself.");

pub static BACKEND_AUTH_HEADER: Setting =
    Setting::variable("BACKEND_AUTH_HEADER", Values::Text("the name of a header"), "Authorization")
        .does("The header in which this server sends `BACKEND_AUTH` to the backend.")
        .when("Set it where the backend expects its key in another header, such as `X-API-Key`.");

pub static BACKEND_AUTH: Setting =
    Setting::secret("BACKEND_AUTH", Values::Text("the header's value, such as `Bearer <key>`"))
        .does(
            "The credential by which the backend knows this server. It is sent with each request.",
        )
        .when("Set it, and have the backend refuse requests without it: then it is only reached through this server.");

pub static BACKEND_FORWARD_AUTH: Setting =
    Setting::variable("BACKEND_FORWARD_AUTH", Values::Flag, "")
        .does(
            "Passes `Authorization` and `X-API-Key` of callers on to the backend where they are no credential \
             for this server.",
        )
        .when("Set it where callers have credentials of the backend.");

pub static BACKEND_CARD: Setting =
    Setting::variable("BACKEND_CARD", Values::Text("a server card, as JSON"), "")
        .does(
            "The [server card](GATEWAY.md#the-server-card) of this deployment where `BACKEND_PATHS` is `all`.",
        )
        .when("Set it to describe the backend's tools to scanners.");

/// A heading of the page, and the settings under it.
pub type Group = (&'static str, &'static [&'static Setting]);

/// All settings, in the order of the page.
pub static GROUPS: &[Group] = &[
    ("Deployment", &[&ENVIRONMENT, &LOG_LEVEL]),
    ("SiteBay", &[&SITEBAY_API_TOKEN, &SITEBAY_API_URL, &SITEBAY_LEGACY_ROUTES]),
    (
        "Credentials of callers",
        &[
            &MCP_API_KEY,
            &MCP_ADMIN_KEY,
            &STAGE_UNLOCK_KEY,
            &MCP_SHARED_SECRET,
            &MCP_JWT_SECRET,
            &MCP_JWKS_URL,
            &MCP_JWT_ISSUER,
            &MCP_JWT_AUDIENCE,
            &ALLOW_KEY_IN_URL,
        ],
    ),
    (
        "Signing in",
        &[
            &MCP_OAUTH,
            &MCP_OAUTH_ACCESS_MAX_AGE,
            &MCP_OIDC_ISSUER,
            &MCP_OIDC_CLIENT_ID,
            &MCP_OIDC_CLIENT_SECRET,
        ],
    ),
    ("The server's own keys", &[&SESSION_KEY, &SUBJECT_KEY, &CREDENTIAL_KEY]),
    (
        "A server behind this one",
        &[
            &BACKEND_URL,
            &BACKEND_PATHS,
            &BACKEND_ACCESS,
            &BACKEND_AUTH_HEADER,
            &BACKEND_AUTH,
            &BACKEND_FORWARD_AUTH,
            &BACKEND_CARD,
        ],
    ),
    ("Limits", &[&MCP_ALLOWED_ORIGINS, &RATE_LIMIT, &ROLLOUT_ALLOW]),
    ("Sessions", &[&SESSION_PLACEMENT, &SESSION_MAX_AGE]),
    ("Tools", &[&MCP_TOOLSETS, &MCP_CONSENT, &MCP_PAGE_SIZE]),
    (
        "Gateway",
        &[&UPSTREAMS, &KEBOOLA, &KEBOOLA_CLIENT_ID, &KEBOOLA_CLIENT_SECRET, &UPSTREAM_SECRETS],
    ),
    (
        "Infrastructure",
        &[
            &infrastructure::CLOUDFLARE_ACCOUNT_ID,
            &infrastructure::CLOUDFLARE_READ_TOKEN,
            &infrastructure::CLOUDFLARE_API_TOKEN,
            &infrastructure::CLOUDFLARE_WORKFLOWS_TOKEN,
            &infrastructure::CLOUDFLARE_API_URL,
            &infrastructure::INFRASTRUCTURE_STAGE,
        ],
    ),
    ("Audit", &[&AUDIT_READS, &AUDIT_DAYS]),
    ("Alarms", ALARMS),
];
