-- Upstreams that administrators added: the same settings as in the variable UPSTREAMS. Of secrets they have the names.
CREATE TABLE upstreams (
  name TEXT PRIMARY KEY,
  -- A JSON object.
  settings TEXT NOT NULL,
  -- Seconds since 1970.
  changed INTEGER NOT NULL,
  changed_by TEXT NOT NULL
);
