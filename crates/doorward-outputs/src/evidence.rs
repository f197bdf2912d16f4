//! Evidence for auditors: the signing key and the build of the sink.

use std::path::Path;

use doorward_model::Sink;
use doorward_sink_evidence::{EvidenceSettings, EvidenceSink, SigningKey, fingerprint};
use doorward_sink_text::{FlatContext, json};

use crate::OutputError;
use crate::SinkInputs;
use doorward_settings::variable::variable;

/// Makes the sink. Reads the signing key.
pub(crate) fn make<'a>(folder: &Path, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, OutputError> {
    let settings = &inputs.settings.evidence;
    Ok(Box::new(EvidenceSink {
        folder: folder.to_owned(),
        key: key(settings)?,
        build: inputs.build.map_or_else(program_hash, |build| Ok(build.to_owned()))?,
        frameworks: &inputs.settings.frameworks,
        settings,
        settings_text: inputs.settings_text,
        policy: inputs.policy,
        register: inputs.register,
        cost_centre_tags: &inputs.settings.owners.cost_centre_tags,
        triggers: doorward_traffic::trigger_summary,
        filter: inputs.filter,
        scan: |out, report, required, (context, filter)| {
            let flat = FlatContext::new(report, required.clone(), context.history).filtered(filter);
            json::write(out, report, &flat, context.exit_code).map(|_| ())
        },
        notice: inputs.options.notice,
    }))
}

/// The hash of this program.
fn program_hash() -> Result<String, OutputError> {
    let program = std::env::current_exe()
        .map_err(|e| OutputError::Internal(format!("the path of this program is not known: {e}")))?;
    Ok(format!("SHA-256 {}", fingerprint(&program)?))
}

/// The key, if one is configured.
fn key(settings: &EvidenceSettings) -> Result<Option<SigningKey>, OutputError> {
    let usage = |problem: String| OutputError::Usage(problem);
    let (place, text) = match (&settings.signing_key_file, &settings.signing_key_variable) {
        (Some(path), _) => {
            let place = format!("evidence.signing_key_file, {}", path.display());
            let text = doorward_file::input::text(path).map_err(|e| usage(format!("{place}: cannot be read: {e}")))?;
            (place, text)
        }
        (None, Some(name)) => {
            let place = format!("evidence.signing_key_variable, {name}");
            let text = variable(name).and_then(|value| value.into_string().ok());
            let text = text.ok_or_else(|| usage(format!("{place}: the variable contains no text")))?;
            (place, text)
        }
        (None, None) => return Ok(None),
    };
    SigningKey::parse(&text).map(Some).map_err(|e| usage(format!("{place}: {e}")))
}
