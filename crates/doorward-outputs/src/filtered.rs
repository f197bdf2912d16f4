//! Outputs of a part of a report: which of them can be of a part, and which of them cannot say that they are.

use doorward_model::ReportFilter;

use crate::{Format, OutputError};

/// Outputs that are in a form of others, or rows alone, so that they have no place for the filter.
const WITHOUT_A_PLACE: [&str; 6] = ["csv", "csv-raw", "csv-inventory", "asff", "ocsf", "ocsf-1.3"];

/// Refuses outputs whose figures, pages or deliveries are of a whole scan, where a filter leaves something out.
///
/// # Errors
///
/// One of the outputs cannot be of a part.
pub fn check_filter(formats: &[Format], filter: &ReportFilter) -> Result<(), OutputError> {
    if filter.is_empty() {
        return Ok(());
    }
    // A pack of evidence is of one scope, and says which; every verdict on what is in it stays.
    let is_scope = |format: &Format| format.is_evidence() && !filter.selects_findings();
    let problem = |format: &Format| {
        if format.is_folder() && !is_scope(format) {
            return Some("this output cannot be filtered; evidence accepts filters that select load balancers");
        }
        // What a plugin received is compared with what it receives next, and a finding that is only left out would count as gone.
        if format.is_plugin() {
            return Some("a plugin gets the whole scan");
        }
        // Figures of a part would read as those of the organization, or of load balancers without other findings.
        match format.name() {
            "posture" => Some("its figures are of all findings"),
            "csv-inventory" | "html" if filter.selects_findings() => Some("its figures are of all findings"),
            _ => None,
        }
    };
    match formats.iter().find_map(|format| Some((format, problem(format)?))) {
        None => Ok(()),
        Some((format, problem)) => {
            Err(OutputError::Usage(format!("--format {format}: {problem}; leave out the filters ({filter})")))
        }
    }
}

/// What a person should know of an output that does not say itself that it is filtered; none for others.
pub(crate) fn notice(name: &str, filter: Option<&ReportFilter>) -> Option<String> {
    let filter = filter.filter(|_| WITHOUT_A_PLACE.contains(&name))?;
    Some(format!("FILTERED: {filter}. The output {name} is of this part alone and does not say so itself."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::REGISTRY;
    use doorward_model::SinkShape;

    /// Outputs that state the filter in themselves.
    const STATED: [&str; 6] = ["table", "json-v1", "ndjson-v1", "html", "oscal", "evidence"];

    #[test]
    fn every_output_of_a_part_states_the_filter_or_has_a_notice_or_is_refused() {
        let filter = ReportFilter { owners: vec!["payments".to_owned()], ..ReportFilter::default() };
        for output in REGISTRY.iter().filter(|output| output.shape() != SinkShape::Remote) {
            let format: Format = format!("{}=place", output.name).parse().expect("a format");
            let is_refused = check_filter(&[format], &filter).is_err();
            let has_notice = notice(output.name, Some(&filter)).is_some_and(|text| text.contains("owner payments"));
            let states = STATED.contains(&output.name);
            let ways = [is_refused, has_notice, states].into_iter().filter(|way| *way).count();
            assert_eq!(ways, 1, "{}", output.name);
            assert_eq!(notice(output.name, None), None);
        }
        assert!(check_filter(&["owners=place".parse().expect("a format")], &ReportFilter::default()).is_ok());
    }
}
