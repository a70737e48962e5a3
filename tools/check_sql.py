#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails where SQL that PostgreSQL is given leaves what CockroachDB and YugabyteDB share with it (docs/scale.md): every
keyword in the store's literals is one of a known list, every function too, and no statement is of a kind that they
do not all have. SQLite alone is given PRAGMA and the literals named in SQLITE_ALONE."""
import pathlib
import re
import sys

FOLDER = pathlib.Path("server/store")
SQLITE_ALONE = {"server/store/schema.cc": ["kCounting"]}
SQLITE_FILES = {"sqlite.cc", "wal_checkpointer.cc", "database_check.cc"}
STATEMENT = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|DECLARE|FETCH|CLOSE|SET|BEGIN|COMMIT|ROLLBACK|"
                       r"LOCK|LISTEN|NOTIFY|COPY|TRUNCATE|MERGE|CALL|DO|VACUUM|WITH)\b")
PIECE = re.compile(r"\b(FROM|WHERE|ORDER BY|JOIN|VALUES|ON CONFLICT|LIMIT|AND|UNION ALL)\s")
KEYWORDS = set("""
    ADD ALL ALTER AND AS BEGIN BETWEEN BIGINT BLOB BY CASE CAST CHECK CLOSE COLUMN COMMIT COMMITTED CONFLICT CREATE
    CURSOR DECLARE DEFAULT DELETE DESC DISTINCT DO DROP ELSE END EXISTS FETCH FOR FROM GROUP IF IN INDEX INSERT
    INTEGER INTO IS ISOLATION JOIN KEY LEFT LEVEL LIMIT NOT NOTHING NULL OFFSET ON ONLY OR ORDER PRIMARY READ
    REFERENCES REPEATABLE ROLLBACK ROWID SELECT SET TABLE TEXT THEN UNION UNIQUE UPDATE VALUES WHEN WHERE WITHOUT""".split())
FUNCTIONS = {"coalesce", "count", "length", "max", "min", "substr"}
KINDS = {
    r"\bCREATE\s+(OR\s+REPLACE\s+)?(?!(UNIQUE\s+)?INDEX\b|TABLE\b)\w+": "CREATE of something that is neither table nor index",
    r"\b(BIG|SMALL)?SERIAL\b|\bGENERATED\b|\bnextval\b": "numbers that the database gives",
    r"\bRETURNING\b": "RETURNING",
    r"\bpg_\w+": "a catalogue or function of PostgreSQL alone",
    r"::|\bARRAY\b|\[\]": "casts by colons, or arrays",
}


def literals(text):
    """Yields (line, text) of each string literal; pieces that stand side by side are one."""
    raw = re.compile(r'R"(\w*)\((.*?)\)\1"', re.S)
    for match in raw.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(2)
    text = raw.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
    text = re.sub(r"//[^\n]*", lambda match: " " * len(match.group(0)), text)
    piece = r'"((?:[^"\\\n]|\\.)*)"'
    for match in re.finditer(rf"(?:{piece}\s*)+", text):
        yield text.count("\n", 0, match.start()) + 1, "".join(re.findall(piece, match.group(0)))


def faults_of(sql):
    bare = re.sub(r"'[^']*'", "''", sql)
    for kind, what in KINDS.items():
        if re.search(kind, bare):
            yield what
    for word in set(re.findall(r"\b[A-Z]{2,}\b", bare)) - KEYWORDS:
        yield f"the keyword {word}"
    for name in set(re.findall(r"\b([a-z_]+)\(", bare)) - FUNCTIONS:
        yield f"the function {name}"


def shared_literals(path):
    text = path.read_text(encoding="utf-8")
    for name in SQLITE_ALONE.get(str(path), []):
        text = re.sub(rf'{name} = R"sql\(.*?\)sql"', name, text, flags=re.S)
    for line, literal in literals(text):
        if "PRAGMA" not in literal and (STATEMENT.match(literal) or PIECE.search(literal)):
            yield line, literal


def check(paths):
    count, faults = 0, []
    for path in paths:
        for line, sql in shared_literals(path):
            count += 1
            faults += [f"{path}:{line}: {fault}" for fault in sorted(set(faults_of(sql)))]
    return count, faults


def main():
    sources = [path for path in sorted(FOLDER.glob("*.cc")) + sorted(FOLDER.glob("*.h"))
               if not path.stem.endswith("_test") and path.name not in SQLITE_FILES]
    count, faults = check(sources)
    print("\n".join(faults) or f"{count} pieces of SQL keep to what the databases share")
    return 1 if faults or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
