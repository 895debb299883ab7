-- The table of the sample database, as the stand-in for Cloudflare has it.
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL);
INSERT OR IGNORE INTO users (id, name, email) VALUES (1, 'Ada Example', 'ada@example.com'), (2, 'Bo Example', 'bo@example.com');
