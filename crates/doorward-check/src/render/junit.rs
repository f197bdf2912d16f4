//! The format `junit`: JUnit XML for build servers, with a suite per file and a case per declaration and rule.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_iac::{FileError, UnreadPart};
use doorward_model::{RuleMeta, Verdict, harmless, harmless_lines};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::RenderInput;
use crate::JudgedDeclaration;

/// The subject of a case.
enum Item<'a> {
    Verdict(&'a JudgedDeclaration, &'static RuleMeta, &'a Verdict),
    Unreadable(&'a FileError),
    Unread(&'a UnreadPart),
}

/// One case with its outcome.
struct Case {
    name: String,
    /// The element for the outcome, with its message and text; `None` for a pass.
    outcome: Option<(&'static str, String, String)>,
}

impl Item<'_> {
    /// The case. An unknown verdict is an error, never a pass.
    fn case(&self, input: &RenderInput<'_>) -> Case {
        match self {
            Self::Verdict(judged, meta, verdict) => {
                let declared = &judged.declared;
                let is_accepted = input.report.accepted.contains(&judged.id(meta.id));
                let outcome = match verdict {
                    _ if is_accepted => Some(("skipped", "in the baseline".to_owned(), String::new())),
                    Verdict::Fail { because, severity, remedy, .. } if input.thresholds.fail_on.covers(*severity) => {
                        let place = declared.place.to_string();
                        // Only the line break between the two parts is one.
                        Some(("failure", because.clone(), format!("{}\n{}", harmless(&place), harmless(remedy))))
                    }
                    Verdict::Fail { because, .. } => Some(("system-out", String::new(), because.clone())),
                    Verdict::Unknown { because, .. } => Some(("error", because.clone(), declared.place.to_string())),
                    Verdict::Excepted { because, .. }
                    | Verdict::NotApplicable { because, .. }
                    | Verdict::NotAsked { because, .. } => Some(("skipped", because.clone(), String::new())),
                    Verdict::Pass { .. } => None,
                };
                Case { name: format!("{}: {}", declared.address, meta.id), outcome }
            }
            Self::Unreadable(error) => {
                Case { name: "is read".to_owned(), outcome: Some(("error", error.message.clone(), error.to_string())) }
            }
            Self::Unread(unread) if input.report.accepted.contains(&crate::Baseline::part(unread)) => Case {
                name: format!("{} is read", unread.address),
                outcome: Some(("skipped", "in the baseline".to_owned(), String::new())),
            },
            Self::Unread(unread) => Case {
                name: format!("{} is read", unread.address),
                outcome: Some(("error", unread.because.clone(), unread.place.to_string())),
            },
        }
    }
}

/// Writes the report.
pub(super) fn write(input: &RenderInput<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Vec<Item<'_>>> = BTreeMap::new();
    for judged in &input.report.judged {
        let suite = suites.entry(&judged.declared.place.file).or_default();
        suite.extend(judged.verdicts.iter().map(|(meta, verdict)| Item::Verdict(judged, meta, verdict)));
    }
    for error in &input.report.errors {
        suites.entry(&error.file).or_default().push(Item::Unreadable(error));
    }
    for unread in &input.report.unread {
        suites.entry(&unread.place.file).or_default().push(Item::Unread(unread));
    }
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut top = BytesStart::new("testsuites");
    top.push_attribute(("name", "doorward check"));
    counted(&mut top, suites.values().flatten().map(|item| item.case(input)));
    xml.write_event(Event::Start(top))?;
    for (file, items) in &suites {
        let mut suite = BytesStart::new("testsuite");
        suite.push_attribute(("name", harmless(file).as_ref()));
        counted(&mut suite, items.iter().map(|item| item.case(input)));
        xml.write_event(Event::Start(suite))?;
        for item in items {
            write_case(&mut xml, file, &item.case(input))?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    writeln!(xml.into_inner())
}

fn counted(element: &mut BytesStart<'_>, cases: impl Iterator<Item = Case>) {
    let (mut all, mut failures, mut errors, mut skipped) = (0_usize, 0_usize, 0_usize, 0_usize);
    for case in cases {
        all += 1;
        match case.outcome.as_ref().map(|(element, ..)| *element) {
            Some("failure") => failures += 1,
            Some("error") => errors += 1,
            Some("skipped") => skipped += 1,
            _ => {}
        }
    }
    for (name, count) in [("tests", all), ("failures", failures), ("errors", errors), ("skipped", skipped)] {
        element.push_attribute((name, count.to_string().as_str()));
    }
}

fn write_case(xml: &mut Writer<&mut dyn Write>, file: &str, case: &Case) -> io::Result<()> {
    let mut element = BytesStart::new("testcase");
    element.push_attribute(("classname", harmless(file).as_ref()));
    element.push_attribute(("name", harmless(&case.name).as_ref()));
    let Some((name, message, text)) = &case.outcome else { return xml.write_event(Event::Empty(element)) };
    xml.write_event(Event::Start(element))?;
    let mut outcome = BytesStart::new(*name);
    if !message.is_empty() {
        outcome.push_attribute(("message", harmless(message).as_ref()));
    }
    if text.is_empty() {
        xml.write_event(Event::Empty(outcome))?;
    } else {
        xml.write_event(Event::Start(outcome))?;
        xml.write_event(Event::Text(BytesText::new(&harmless_lines(text))))?;
        xml.write_event(Event::End(BytesEnd::new(*name)))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}
