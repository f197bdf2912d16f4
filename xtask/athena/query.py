"""Runs the query of Athena by DuckDB, over lines that Java takes apart or over Parquet, and prints the rows as JSON.

usage: query.py SAID.json FOLDER REGEX_JAVA
       query.py SAID.json FOLDER

SAID.json holds the statement that makes the table and the query, as they are sent to Athena. The expression and the columns
are taken out of the statement; sqlglot turns Athena's dialect into DuckDB's. Without the Java program, the folder holds
Parquet files, and the statement's template says whose they are.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import sqlglot


def unescaped(literal):
    """A literal of Hive, without its quotes."""
    return re.sub(r"\\(.)", r"\1", literal)


def answer(database, query):
    """The rows of a query, by name of column."""
    found = database.execute(sqlglot.transpile(query, read="athena", write="duckdb")[0])
    names = [column[0] for column in found.description]
    print(json.dumps([{name: "" if value is None else str(value) for name, value in zip(names, row)} for row in found.fetchall()]))


def parquet(said, folder):
    """Columns come by their names, as Athena reads Parquet; what a file does not have is empty."""
    assert "STORED AS PARQUET" in said["table"], said["table"]
    columns = re.findall(r"^  `([^`]+)` string", said["table"], re.M)
    table = re.search(r"EXISTS `(\w+)`\.`(\w+)`", said["table"])
    template = re.search(r"'storage.location.template' = 's3://[^/]+/([^']*)'", said["table"]).group(1)
    pattern = re.escape(template)
    for name, shape in {"account": "[0-9]{12}", "region": "[a-z0-9-]+", "day": "[0-9]{4}/[0-9]{2}/[0-9]{2}"}.items():
        pattern = pattern.replace(re.escape("${" + name + "}"), f"(?P<{name}>{shape})")
    database = duckdb.connect()
    parts = []
    for path in sorted(folder.rglob("*.parquet")):
        whose = re.match(pattern, path.relative_to(folder).as_posix()).groupdict()
        has = [row[0] for row in database.execute(f"DESCRIBE SELECT * FROM read_parquet('{path}')").fetchall()]
        read = [f'"{name}"' if name in has else f'NULL::VARCHAR AS "{name}"' for name in columns]
        read += [f"'{value}' AS {name}" for name, value in whose.items()]
        parts.append(f"SELECT {', '.join(read)} FROM read_parquet('{path}')")
    database.execute(f"CREATE SCHEMA {table.group(1)}")
    database.execute(f"CREATE VIEW {table.group(1)}.{table.group(2)} AS {' UNION ALL '.join(parts)}")
    answer(database, said["query"])


def main():
    said = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    if len(sys.argv) == 3:
        parquet(said, folder)
        return
    java = sys.argv[3]
    expression = unescaped(re.search(r"'input\.regex' = '((?:[^'\\]|\\.)*)'", said["table"]).group(1))
    columns = re.findall(r"^  `(\w+)` string", said["table"], re.M)
    table = re.search(r"EXISTS `(\w+)`\.`(\w+)`", said["table"])
    with tempfile.TemporaryDirectory() as work:
        written = Path(work, "expression.txt")
        written.write_text(expression)
        rows = Path(work, "rows.csv")
        with rows.open("wb") as out:
            subprocess.run(["java", "-Xss512k", java, written, folder], stdout=out, check=True)
        database = duckdb.connect()
        database.execute("SET memory_limit = '2GB'")
        kinds = {"$path": "VARCHAR", **{name: "VARCHAR" for name in columns}}
        database.execute(f"CREATE SCHEMA {table.group(1)}")
        database.execute(
            f"""CREATE TABLE {table.group(1)}.{table.group(2)} AS
            SELECT *, split_part("$path", '/', -7) AS account, split_part("$path", '/', -5) AS region,
              split_part("$path", '/', -4) || '/' || split_part("$path", '/', -3) || '/' || split_part("$path", '/', -2) AS day
            FROM read_csv(?, header=false, columns={kinds}, nullstr='', allow_quoted_nulls=false, quote='"', escape='"',
              max_line_size=10000000, auto_detect=false, delim=',', new_line='\\n')""",
            [str(rows)],
        )
        answer(database, said["query"])


main()
