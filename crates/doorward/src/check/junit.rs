//! JUnit XML, as build servers read it: a suite per file, a case per declaration and rule.

use std::collections::BTreeMap;

use doorward_model::{Verdict, harmless};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::Told;

/// One case and how it ended.
struct Case {
    name: String,
    /// The element that says so, with its message and text; none for a pass.
    outcome: Option<(&'static str, String, String)>,
}

/// The report as text. What is not known is an error, never a pass.
pub(super) fn text(told: &Told<'_>) -> std::io::Result<String> {
    let mut suites: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for judged in &told.checked.judged {
        let declared = &judged.declared;
        for (meta, verdict) in &judged.verdicts {
            let outcome = match verdict {
                Verdict::Fail { because, severity, remedy } if told.report.fail_on.covers(*severity) => {
                    Some(("failure", because.clone(), format!("{}\n{remedy}", declared.place)))
                }
                Verdict::Fail { because, .. } => Some(("system-out", String::new(), because.clone())),
                Verdict::Unknown { because, .. } => Some(("error", because.clone(), declared.place.to_string())),
                Verdict::Excepted { because, .. }
                | Verdict::NotApplicable { because }
                | Verdict::NotAsked { because, .. } => Some(("skipped", because.clone(), String::new())),
                Verdict::Pass { .. } => None,
            };
            let name = format!("{}: {}", declared.address, meta.id);
            suites.entry(&declared.place.file).or_default().push(Case { name, outcome });
        }
    }
    for problem in &told.checked.problems {
        let outcome = Some(("error", problem.problem.clone(), problem.to_string()));
        suites.entry(&problem.file).or_default().push(Case { name: "is read".to_owned(), outcome });
    }
    for unread in &told.checked.unread {
        let outcome = Some(("error", unread.because.clone(), unread.place.to_string()));
        suites
            .entry(&unread.place.file)
            .or_default()
            .push(Case { name: format!("{} is read", unread.address), outcome });
    }
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut top = BytesStart::new("testsuites");
    top.push_attribute(("name", "doorward check"));
    counted(&mut top, suites.values().flatten());
    xml.write_event(Event::Start(top))?;
    for (file, cases) in &suites {
        let mut suite = BytesStart::new("testsuite");
        suite.push_attribute(("name", harmless(file).as_ref()));
        counted(&mut suite, cases.iter());
        xml.write_event(Event::Start(suite))?;
        for case in cases {
            write(&mut xml, file, case)?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    let mut text = String::from_utf8(xml.into_inner()).map_err(std::io::Error::other)?;
    text.push('\n');
    Ok(text)
}

fn counted<'a>(element: &mut BytesStart<'_>, cases: impl Iterator<Item = &'a Case>) {
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

fn write(xml: &mut Writer<Vec<u8>>, file: &str, case: &Case) -> std::io::Result<()> {
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
        xml.write_event(Event::Text(BytesText::new(&harmless(text))))?;
        xml.write_event(Event::End(BytesEnd::new(*name)))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}
