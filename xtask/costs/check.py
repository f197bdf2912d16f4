"""Sums billing exports by load balancer and currency with DuckDB, and compares with Doorward: check.py PROGRAM EXPORT...

Besides the samples, exports with thousands of random rows are written, plain and compressed: charges of six sizes, credits, refunds,
several currencies, rows without a resource and of other resources.
"""

import decimal
import gzip
import pathlib
import random
import subprocess
import sys
import tempfile

import duckdb

COLUMNS = {
    "focus": ("EffectiveCost", "BillingCurrency", "ResourceId"),
    "cur2": ("line_item_unblended_cost", "line_item_currency_code", "line_item_resource_id"),
}


def form(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as file:
        return "cur2" if "line_item_unblended_cost" in file.readline().lower() else "focus"


def of_duckdb(path):
    amount, currency, resource = COLUMNS[form(path)]
    rows = duckdb.execute(
        f"""SELECT trim({resource}), {currency}, sum(CAST({amount} AS DECIMAL(38, 20)))
            FROM read_csv(?, all_varchar = true, header = true)
            WHERE regexp_matches(trim({resource}), '^arn:[^:]*:elasticloadbalancing:[^:]*:[^:]*:loadbalancer/')
            GROUP BY ALL""",
        [str(path)],
    ).fetchall()
    return {(arn, code): decimal.Decimal(total) for arn, code, total in rows}


def of_doorward(program, path):
    lines = subprocess.run([program, path], check=True, capture_output=True, text=True).stdout.splitlines()
    return {tuple(line.split("\t")[:2]): decimal.Decimal(line.split("\t")[2]) for line in lines}


def write(folder, name, seed):
    rng = random.Random(seed)
    kind = "cur2" if name.startswith("cur2") else "focus"
    path = folder / name
    opener = gzip.open if name.endswith(".gz") else open
    arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/"
    resources = [f"{arn}app/web-{n}/{n:016x}" for n in range(40)] + [f"{arn}classic-{n}" for n in range(10)]
    others = ["", "", "i-0123456789abcdef0", "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/1"]
    day = "2026-10-01T00:00:00Z" if kind == "focus" else "2026-10-01 00:00:00.000"
    with opener(path, "wt", encoding="utf-8", newline="") as out:
        if kind == "focus":
            out.write("BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,")
        else:
            out.write("bill_billing_period_start_date,line_item_usage_start_date,line_item_usage_end_date,line_item_line_item_type,")
        out.write(",".join(COLUMNS[kind]) + "\n")
        for _ in range(4000):
            cost = rng.choice([0.0252, 0.008, 18.7488, 1.5e-7, 3e-4, 0.1]) * rng.choice([1, 1, 1, 3, 7])
            category = rng.choice(["Usage", "Usage", "Usage", "Credit", "Tax"])
            cost = -cost if category == "Credit" else cost
            # What binary fractions print has up to 17 digits; those beyond 20 decimal places would be rounded by DuckDB alone.
            text = rng.choice([repr(cost), f"{cost:.10f}"])
            if abs(decimal.Decimal(text).as_tuple().exponent) > 20:
                text = f"{cost:.12f}"
            resource = rng.choice(resources if rng.random() < 0.8 else others)
            out.write(f"{day},{day},{day},{category},{text},{rng.choice(['USD', 'USD', 'EUR'])},{resource}\n")
    return path


def main():
    program, samples = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as folder:
        names = ["focus.csv", "cur2.csv", "focus.csv.gz", "cur2.csv.gz"]
        generated = [write(pathlib.Path(folder), name, seed) for seed, name in enumerate(names)]
        for path in samples + generated:
            expected, got = of_duckdb(path), of_doorward(program, path)
            assert expected, f"{path}: DuckDB finds no load balancer"
            different = {key for key in expected.keys() | got.keys() if expected.get(key) != got.get(key)}
            assert not different, f"{path}: {[(key, expected.get(key), got.get(key)) for key in sorted(different)[:5]]}"
            print(f"{path.name}: {len(expected)} sums of DuckDB and Doorward are equal")


main()
