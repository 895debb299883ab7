-- Keys that the admin API makes: of the key itself only its digest is kept.
CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  -- SHA-256 of the whole key, in base64url.
  hash TEXT NOT NULL,
  -- Names, separated by spaces.
  scopes TEXT NOT NULL,
  -- Times are seconds since 1970.
  created INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires INTEGER,
  revoked INTEGER
);

-- What changed something, and what was refused.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Milliseconds since 1970.
  at INTEGER NOT NULL,
  subject TEXT NOT NULL,
  way TEXT NOT NULL,
  -- The name of the key or the token's client.
  key TEXT NOT NULL,
  -- The program that the person uses.
  client TEXT NOT NULL,
  action TEXT NOT NULL,
  site TEXT NOT NULL,
  effect TEXT NOT NULL,
  outcome TEXT NOT NULL,
  -- Milliseconds.
  duration INTEGER NOT NULL
);

CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_subject ON audit (subject, id);
