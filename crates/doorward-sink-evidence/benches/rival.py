"""Writes the rows of a CSV file as a workbook and a CSV file: rival.py openpyxl|pandas IN.csv OUT. Prints seconds and MB."""

import csv
import resource
import sys
import time

import openpyxl
import pandas

how, source, target = sys.argv[1:]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
with open(source, encoding="utf-8", newline="") as file:
    header, *rows = csv.reader(file)
if how == "pandas":
    rows = pandas.DataFrame(rows, columns=header)
before, begun = peak(), time.perf_counter()
if how == "pandas":
    rows.to_excel(target + ".xlsx", sheet_name="Results", index=False, freeze_panes=(1, 0))
    rows.to_csv(target + ".csv", index=False, lineterminator="\r\n")
else:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(header)
    for row in rows:
        sheet.append(row)
    sheet.freeze_panes = "A2"
    book.save(target + ".xlsx")
    with open(target + ".csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
print(time.perf_counter() - begun, peak() - before)
