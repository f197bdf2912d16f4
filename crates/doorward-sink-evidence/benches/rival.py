"""Writes the rows of a pack again, as a workbook and CSV files: rival.py openpyxl|pandas PACK OUT. Prints seconds and MB."""

import csv
import pathlib
import resource
import sys
import time

import openpyxl
import pandas

how, pack, target = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
target.mkdir()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
tables = {}
for path in sorted((pack / "csv").glob("*.csv")):
    with open(path, encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    tables[path.stem] = pandas.DataFrame(rows, columns=header) if how == "pandas" else (header, rows)
before, begun = peak(), time.perf_counter()
if how == "pandas":
    with pandas.ExcelWriter(target / "evidence.xlsx", engine="openpyxl") as book:
        for name, rows in tables.items():
            rows.to_excel(book, sheet_name=name, index=False, freeze_panes=(1, 0))
            rows.to_csv(target / f"{name}.csv", index=False, lineterminator="\r\n")
else:
    book = openpyxl.Workbook()
    for name, (header, rows) in tables.items():
        sheet = book.create_sheet(name)
        for row in [header, *rows]:
            sheet.append(row)
        sheet.freeze_panes = "A2"
        with open(target / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    book.save(target / "evidence.xlsx")
print(time.perf_counter() - begun, peak() - before)
