"""Reads evidence packs as an auditor's tools do: openpyxl, pandas, LibreOffice. Prints what it compared.

check.py PACK [SOFFICE]: the workbook against its CSV twins and the scan; with SOFFICE, through LibreOffice too.
"""

import csv
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

import openpyxl
import pandas

# A hostile text of any length, several times in one cell.
csv.field_size_limit(1 << 30)
# What the workbook of 43 load balancers may print.
PAGES = 40
APOSTROPHE = re.compile(r"^'")


def free(text):
    """Takes away the guard of the CSV dialect `excel`, as its documentation says."""
    pieces = re.split(r'(?<=[;\t\n\r,|"])', text)
    calculates = re.compile(r"""^[\s'\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[=+\-@%\uff1d\uff0b\uff0d\uff20\uff05]""")
    text = "".join(p[1:] if p[:1] == "'" and calculates.match(p[1:]) else p for p in pieces)
    number = re.compile(r"^[\s']*[0-9.][\s0-9.,:/\-+eE%]*$")
    command = re.compile(r"^[\s']*\||^'*[\t\r]")
    return text[1:] if text[:1] == "'" and (number.match(text[1:]) or command.match(text[1:])) else text


def as_csv(cell):
    """A cell of the workbook as its CSV twin writes it."""
    if cell is None:
        return ""
    if isinstance(cell, datetime.datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S")
    return cell


def same(name, column, row, cell, text):
    shown = as_csv(cell)
    if isinstance(shown, str):
        if shown == text or shown == free(text) or shown + " 00:00:00" == text or shown == text + " 00:00:00":
            return
        # Text that looks like an escape of OOXML is escaped itself, and openpyxl takes the escape away in some places, at
        # times too much of it; LibreOffice reads it right.
        if "x005F_" in shown + text and shown.replace("x005F_", "") == text.replace("x005F_", ""):
            return
        # An id of digits is guarded even where no spreadsheet would mistake it.
        if shown == APOSTROPHE.sub("", text):
            return
        if " [cut: the whole text is in csv/" in shown:
            beginning = shown.split(" [cut: the whole text is in csv/")[0]
            assert len(shown.encode("utf-16-le")) // 2 <= 32767 and free(text).startswith(beginning), (name, column, row)
            return
    elif text and float(text) == float(shown):
        return
    raise AssertionError(f"{name}, row {row}, {column}: the workbook has {shown!r:.200}, the CSV file {text!r:.200}")


def compare(workbook, pack, manifest):
    """Compares every cell of a workbook with the CSV files; returns how many."""
    cells = 0
    for sheet in manifest["sheets"]:
        with open(pack / sheet["csv"], encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows)
            assert len(header) == len(set(header)) == sheet["columns"], sheet["csv"]
            number = 0
            for tab in sheet["tabs"]:
                lines = workbook[tab].iter_rows(min_row=sheet["header_row"])
                assert [cell.value for cell in next(lines)][: len(header)] == header, tab
                for line in lines:
                    text = next(rows, None)
                    if text is None:
                        values = [cell.value for cell in line if cell.value is not None]
                        # A sheet without a row says in its first line that there is none, or why that is unknown.
                        says = [re.fullmatch(r"\(none\)|\(unknown: .+\)", str(value)) is not None for value in values]
                        is_none = says == [True] and sheet["rows"] == 0 and line[0].row == sheet["header_row"] + 1
                        assert is_none or not values, (tab, "has rows beyond its CSV file")
                        continue
                    number += 1
                    values = [cell.value for cell in line][: len(header)]
                    values += [None] * (len(header) - len(values))
                    for column, cell, written in zip(header, values, text):
                        same(tab, column, number, cell, written)
                        cells += 1
                    assert not any(cell.data_type == "f" for cell in line), (tab, number, "holds a formula")
            assert next(rows, None) is None and number == sheet["rows"], (sheet["csv"], number, sheet["rows"])
    return cells


def against_the_scan(pack):
    """Compares figures of the sheets with the scan."""
    scan = json.loads((pack / "scan.json").read_text(encoding="utf-8"))
    read = lambda name: pandas.read_csv(pack / f"csv/{name}.csv", dtype=str, keep_default_na=False)
    results, population, coverage = read("results"), read("population"), read("coverage")
    assert len(results) == len(scan["findings"]) and len(population) == len(scan["load_balancers"])
    assert len(coverage) == scan["coverage"]["counts"]["all"]
    for status in ("complete", "partial", "skipped", "failed"):
        assert (coverage["Status"] == status).sum() == scan["coverage"]["counts"][status], status
    counted = results.groupby(["Rule", "Verdict"]).size().to_dict()
    for rule, kinds in scan["tally"]["verdicts"].items():
        for kind, count in kinds.items():
            key = (free(rule), kind.replace("-", " "))
            assert counted.get(key) == count, (key, counted.get(key), count)
    in_scope = population[population["In scope"] == "yes"]
    modes = scan["tally"]["modes"]
    for mode in modes:
        assert (in_scope["Observed mode"] == mode).sum() == modes[mode], mode
    for row, finding in zip(results.itertuples(index=False), scan["findings"]):
        assert APOSTROPHE.sub("", row.Account) == finding["account"] and len(finding["account"]) == 12
    # Without a declared type for ids, pandas must not lose their zeros.
    accounts = pandas.read_csv(pack / "csv/results.csv")["Account"].map(str)
    assert set(accounts.str.lstrip("'")) == {finding["account"] for finding in scan["findings"]}
    # From a workbook it reads texts as numbers unless the type is declared; that the cells are texts was checked above.
    accounts = pandas.read_excel(pack / "evidence.xlsx", sheet_name="Results", dtype={"Account": str})["Account"]
    assert set(accounts) == {finding["account"] for finding in scan["findings"]}
    return len(results)


def parts(pack):
    """Looks into the file itself: no macro, no link, no merged cell, nothing that a program has to repair."""
    with zipfile.ZipFile(pack / "evidence.xlsx") as book:
        names = book.namelist()
        assert not [n for n in names if "vba" in n.lower() or "externalLink" in n or n.endswith(".bin")], names
        for name in names:
            text = book.read(name)
            assert b"TargetMode=\"External\"" not in text, name
            if name.startswith("xl/worksheets/sheet"):
                assert b"<mergeCell" not in text and b"<f>" not in text and b"<hyperlink" not in text, name
                assert b"state=\"frozen\"" in text or b"frozen" in text, name


def through_libreoffice(pack, manifest, soffice):
    """Lets LibreOffice read and write the workbook, and compares again; then every CSV file."""
    cells = 0
    with tempfile.TemporaryDirectory() as folder:
        home = f"-env:UserInstallation=file://{folder}/home"

        def convert(source):
            command = [soffice, home, "--headless", "--convert-to", "xlsx", "--outdir", folder, str(source)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            made = pathlib.Path(folder) / (source.stem + ".xlsx")
            assert done.returncode == 0 and made.is_file(), done.stderr
            return openpyxl.load_workbook(made)

        cells += compare(convert(pack / "evidence.xlsx"), pack, manifest)
        for sheet in manifest["sheets"]:
            for row in convert(pack / sheet["csv"]).active.iter_rows():
                for cell in row:
                    assert cell.data_type != "f", (sheet["csv"], cell.coordinate, cell.value)
    return cells


def printed_pages(pack, soffice):
    """The pages that LibreOffice prints of the workbook."""
    with tempfile.TemporaryDirectory() as folder:
        home = f"-env:UserInstallation=file://{folder}/home"
        command = [soffice, home, "--headless", "--convert-to", "pdf", "--outdir", folder, str(pack / "evidence.xlsx")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        made = pathlib.Path(folder) / "evidence.pdf"
        assert done.returncode == 0 and made.is_file(), done.stderr
        pages = len(re.findall(rb"/Type\s*/Page[^s]", made.read_bytes()))
    population = json.loads((pack / "scan.json").read_text(encoding="utf-8"))["load_balancers"]
    # The bar is of an organization of this size; a larger one has more rows.
    assert 0 < pages and (len(population) != 43 or pages <= PAGES), f"{pages} pages are printed, at most {PAGES} were expected"
    return pages


def colours(pack):
    """The modes have one colour in the workbook's charts, on the page, on owner pages and in mails."""
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    samples = root / "reports/samples/acme-org"
    sheets = {path.name: path.read_text(encoding="utf-8") for path in [samples / "scan.html", *sorted(samples.glob("owners/*.html"))]}
    light = lambda text, name: re.search(rf"--{name}: light-dark\(#([0-9a-f]{{6}}),", text)
    page = {name: light(sheets["scan.html"], name).group(1) for name in ("monitor", "defensive", "strictest", "unknown", "ink", "link", "grave")}
    for name, text in sheets.items():
        for colour, value in page.items():
            found = light(text, colour)
            assert found and found.group(1) == value, (name, colour, "differs from the page")
    with zipfile.ZipFile(pack / "evidence.xlsx") as book:
        charts = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/charts/chart")]
        styles = book.read("xl/styles.xml").decode().lower()
    assert charts, "the workbook has no chart"
    for chart in charts:
        drawn = [value.lower() for value in re.findall(r'srgbClr val="([0-9A-Fa-f]{6})"', chart)]
        wanted = [page[name] for name in ("monitor", "defensive", "strictest", "unknown")]
        # The trend has what was not seen on top.
        unseen = [light(sheets["scan.html"], "unknown-ground").group(1)]
        assert drawn in (wanted, wanted + unseen), (drawn, wanted, unseen)
    assert f'rgb="ff{page["grave"]}"' in styles and f'rgb="ff{page["ink"]}"' in styles
    mail = (root / "crates/doorward-notify/tests/it/snapshots/it__words__mail.snap").read_text(encoding="utf-8")
    assert f"color:#{page['ink']}" in mail and f"code{{color:#{page['link']}}}" in mail, "mails have other colours"
    return len(sheets)


def main():
    pack = pathlib.Path(sys.argv[1])
    manifest = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
    parts(pack)
    cells = compare(openpyxl.load_workbook(pack / "evidence.xlsx"), pack, manifest)
    findings = against_the_scan(pack)
    office = f"colours of {colours(pack)} pages and a mail, no LibreOffice"
    if len(sys.argv) > 2:
        office = f"{through_libreoffice(pack, manifest, sys.argv[2])} cells and {printed_pages(pack, sys.argv[2])} printed pages through LibreOffice"
    print(f"{cells} cells of {len(manifest['sheets'])} sheets, {findings} findings, {office}")


main()
