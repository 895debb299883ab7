"""Packs each database below a folder into one file, and writes their rows into `rows.txt` there.

A value is what V8 makes of a string: a version, a kind, a length, and Latin-1 or UTF-16.
"""

import pathlib
import sqlite3
import sys


def text(value):
    at = 2
    while value[at] == 0:
        at += 1
    kind, at, length, shift = value[at], at + 1, 0, 0
    while True:
        byte, at = value[at], at + 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value[at : at + length].decode({ord('"'): "latin-1", ord("c"): "utf-16-le"}[kind])


folder = pathlib.Path(sys.argv[1])
lines = []
for file in sorted(folder.rglob("*.sqlite")):
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode = DELETE")
    database.execute("VACUUM")
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
    rows = []
    if "_cf_KV" in tables:
        rows = database.execute("SELECT key, value FROM _cf_KV ORDER BY key").fetchall()
    database.close()
    for left in file.parent.glob(file.name + "-*"):
        left.unlink()
    if file.name == "metadata.sqlite":
        continue
    if not rows:
        file.unlink()
        continue
    name = file.relative_to(folder)
    lines.append(f"# {name.parent.name}/{name.name[:8]}…\n")
    lines.extend(f"{key}\n    {text(value)!r}\n" for key, value in rows)
(folder / "rows.txt").write_text("".join(lines))
