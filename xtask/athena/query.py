"""Runs the table's expression by Java and the query by DuckDB, and prints the rows as JSON.

usage: query.py SAID.json FOLDER REGEX_JAVA

SAID.json holds the statement that makes the table and the query, as they are sent to Athena. The expression and the columns
are taken out of the statement; sqlglot turns Athena's dialect into DuckDB's.
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


def main():
    said = json.loads(Path(sys.argv[1]).read_text())
    folder, java = Path(sys.argv[2]), sys.argv[3]
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
        query = sqlglot.transpile(said["query"], read="athena", write="duckdb")[0]
        answer = database.execute(query)
        names = [column[0] for column in answer.description]
        print(json.dumps([{name: "" if value is None else str(value) for name, value in zip(names, row)} for row in answer.fetchall()]))


main()
