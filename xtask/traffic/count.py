"""Counts access logs with DuckDB or Polars: count.py {duckdb|polars} FOLDER THREADS {words|bench}.

`words` prints every count as the corpus writes its truth; `bench` answers the same question and prints how many requests and
how many non-compliant ones there are.
"""

import collections
import glob
import os
import re
import sys

engine, folder, threads, how = sys.argv[1:5]
COLUMNS = [f"c{number}" for number in range(40)]
KEYS = ["elb", "hour", "protocol", "status", "target", "groups", "tier", "reason", "rejected"]


def duckdb_rows():
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {int(threads)}")
    columns = ", ".join(f"'{column}': 'VARCHAR'" for column in COLUMNS)
    # Without the last three options rows are lost, silently.
    return connection.execute(
        f"""
        SELECT filename, c2, c1[1:13], c0, c8, c9[1:1], c16, c27, c28,
               c8 = '400' AND c27 = '-' AND c12[1:2] = '- ' AS rejected, count(*)
        FROM read_csv('{folder}/**/*.log.gz', delim = ' ', quote = '"', header = false, auto_detect = false,
                      columns = {{{columns}}}, filename = true,
                      null_padding = true, strict_mode = false, escape = '\\')
        GROUP BY ALL
        """
    ).fetchall()


def polars_rows():
    os.environ["POLARS_MAX_THREADS"] = threads
    import polars

    schema = {column: polars.String for column in COLUMNS}
    lines = polars.scan_csv(
        glob.glob(f"{folder}/**/*.log.gz", recursive=True),
        separator=" ", has_header=False, schema=schema, quote_char='"',
        truncate_ragged_lines=True, missing_columns="insert", include_file_paths="filename",
    )
    keys = [
        polars.col("filename"), polars.col("c2"), polars.col("c1").str.slice(0, 13).alias("hour"), polars.col("c0"),
        polars.col("c8"), polars.col("c9").str.slice(0, 1).alias("target"), polars.col("c16"), polars.col("c27"),
        polars.col("c28"),
        ((polars.col("c8") == "400") & (polars.col("c27") == "-") & polars.col("c12").str.starts_with("- ")).alias("rejected"),
    ]
    return lines.group_by(keys).agg(polars.len()).collect(engine="streaming").rows()


rows = duckdb_rows() if engine == "duckdb" else polars_rows()
if how == "bench":
    odd = sum(row[-1] for row in rows if row[7] not in (None, "-"))
    print(sum(row[-1] for row in rows), odd)
    sys.exit()

truth = collections.Counter()
for filename, elb, hour, protocol, status, target, group, tier, reason, rejected, count in rows:
    account, region = re.search(r"([0-9]{12})_elasticloadbalancing_([a-z0-9-]+)_", filename).groups()
    who = f"{account}/{region}/{elb}"
    truth[f"lines\t{who}\t"] += count
    truth[f"status\t{who}\t{status}"] += count
    truth[f"protocol\t{who}\t{protocol}"] += count
    truth[f"hour\t{who}\t{hour}Z"] += count
    truth[f"target group\t{who}\t{group}"] += count
    if tier is None:
        name = "absent"
    elif rejected:
        name = "rejected"
    elif tier == "-":
        name = "compliant"
    else:
        by = "served" if target in "123" else "refused" if target != "-" else "blocked" if status == "400" else "by load balancer"
        name = f"{tier} {reason} {by}"
    truth[f"class\t{who}\t{name}"] += count
for what, count in sorted(truth.items()):
    print(f"{what}\t{count}")
