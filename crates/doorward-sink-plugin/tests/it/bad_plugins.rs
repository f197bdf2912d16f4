//! Plugins that break one clause: the good one, changed in one place.

/// Name, changes of the good plugin's text, the clause that fails, and a part of the fault.
pub(crate) type BadPlugin = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

const DELIVERED: &str = "a report is delivered, and every finding is accounted for";

pub(crate) const BAD: &[BadPlugin] = &[
    (
        "other-contract",
        &[("CONTRACT = \"doorward-report-v1\"", "CONTRACT = \"doorward-report-v0\"")],
        "describe describes the plugin",
        "its contract is doorward-report-v0",
    ),
    (
        "never-ready",
        &[("answer = {\"ok\": why is None, \"why\": why}", "answer = {\"ok\": False, \"why\": \"no token\"}")],
        "preflight accepts the configuration",
        "not ready: no token",
    ),
    (
        "always-ready",
        &[("why = preflight(json.load(sys.stdin))", "why = None")],
        "preflight refuses an invalid configuration",
        "it accepted a configuration that is not JSON",
    ),
    (
        "miscounts",
        &[("\"findings_in\": read,", "\"findings_in\": read + 1,")],
        DELIVERED,
        "3 findings were sent, but it reports that it read 4",
    ),
    ("does-not-add-up", &[("\"skipped\": skipped,", "\"skipped\": {\"lost\": 9},")], DELIVERED, "are not 3 findings"),
    (
        "talks",
        &[("    print(json.dumps(answer))", "    print(\"working\")\n    print(json.dumps(answer))")],
        "describe describes the plugin",
        "does not match the contract",
    ),
    (
        "silent",
        &[("    print(json.dumps(answer))", "    if verb != \"emit\":\n        print(json.dumps(answer))")],
        DELIVERED,
        "wrote nothing to stdout",
    ),
    (
        "writes-nothing",
        &[("        self.file.close()", "        import os\n        os.unlink(self.file.name)")],
        DELIVERED,
        "wrote nothing to its destination",
    ),
    (
        "writes-some",
        &[(
            "        self.file.write(json",
            "        if \"0003\" in finding[\"name\"]:\n            return None\n        self.file.write(json",
        )],
        "the output contains what the receipt counts",
        "it reports that it wrote 5 findings, but its output contains 4 of them",
    ),
    (
        "writes-markup",
        &[(
            "json.dumps([finding[\"severity\"], finding[\"name\"], finding[\"because\"]])",
            "\"<li>\" + finding[\"name\"]",
        )],
        "external text is treated as data",
        "written as markup: <script>",
    ),
    (
        "writes-formulas",
        &[(
            "json.dumps([finding[\"severity\"], finding[\"name\"], finding[\"because\"]])",
            "finding[\"severity\"] + \",\" + finding[\"name\"]",
        )],
        "external text is treated as data",
        "which a spreadsheet runs as a formula",
    ),
    (
        "appends",
        &[
            ("\"destination\": \"stream\"", "\"destination\": \"file\""),
            ("open(destination, \"w\"", "open(destination, \"a\""),
        ],
        "a second delivery changes nothing if the plugin promises that",
        "the second delivery changed its output",
    ),
    (
        "links",
        &[(
            "        self.file.close()",
            "        import os\n        os.unlink(self.file.name)\n        os.symlink(\"/etc/passwd\", self.file.name)",
        )],
        DELIVERED,
        "wrote nothing to its destination",
    ),
    (
        "believes-cut-streams",
        &[("    if end is None:", "    end = end or {\"findings\": read}\n    if end is None:")],
        "a stream without its end line is refused",
        "it ended with exit code 0",
    ),
    (
        "believes-counts",
        &[
            ("if end[\"findings\"] != read:", "if False:"),
            ("\"findings_in\": read,", "\"findings_in\": end[\"findings\"],"),
        ],
        "a stream that lacks a finding is refused",
        "it ended with exit code 0",
    ),
    (
        "strict-reader",
        &[(
            "        elif record[\"type\"] == \"end\":",
            "        elif record[\"type\"] == \"line_of_a_later_version\":\n            sys.exit(\"unknown line\")\n        elif record[\"type\"] == \"end\":",
        )],
        "lines and members of later versions are ignored",
        "its stderr ends: unknown line",
    ),
    (
        "ascii-only",
        &[("encoding=\"utf-8\", newline", "encoding=\"ascii\", newline")],
        "external text is treated as data",
        "exit code 1",
    ),
    (
        "any-version",
        &[("if header.get(\"contract\") != CONTRACT:", "if False:")],
        "another version of the contract is refused",
        "it ended with exit code 0",
    ),
    (
        "ignores-sigterm",
        &[(
            "    verb = sys.argv[-1]",
            "    import signal\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    verb = sys.argv[-1]",
        )],
        "SIGTERM ends it within two seconds",
        "it did not end after SIGTERM",
    ),
    (
        "once-only",
        &[(
            "    header = json.loads(next(lines))",
            "    header = json.loads(next(lines))\n    if header[\"delivery\"][\"may_repeat\"]:\n        sys.exit(\"seen\")",
        )],
        "the same delivery arrives twice",
        "its stderr ends: seen",
    ),
    (
        "swallows-errors",
        &[(
            "    for line in lines:\n        record = json.loads(line)",
            "    for line in lines:\n        try:\n            record = json.loads(line)\n        except ValueError:\n            continue",
        )],
        "a line that is not JSON is refused",
        "it ended with exit code 0",
    ),
];
