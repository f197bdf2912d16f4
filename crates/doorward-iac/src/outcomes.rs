//! Verdicts on a load balancer of which several outcomes are possible.

use doorward_model::{Verdict, VerdictKind};

/// The verdict that the verdicts on every outcome agree on, with the reason; `None` if they do not, or if there are none.
///
/// A rule that does not apply to some outcomes and passes for all others passes. Where it fails for some, the others must fail
/// as well.
pub fn agreed(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
    let verdicts: Vec<Verdict> = verdicts.into_iter().collect();
    let is = |kind: VerdictKind| verdicts.iter().filter(|verdict| verdict.kind() == kind).count();
    let (passed, failed, not_applicable) =
        (is(VerdictKind::Pass), is(VerdictKind::Fail), is(VerdictKind::NotApplicable));
    let all = verdicts.len();
    let kind = if all > 0 && (failed == all || not_applicable == all) {
        verdicts.first()?.kind()
    } else if passed > 0 && passed + not_applicable == all {
        VerdictKind::Pass
    } else {
        return None;
    };
    let mut chosen = verdicts.into_iter().filter(|verdict| verdict.kind() == kind);
    let mut first = chosen.next()?;
    let text = match &mut first {
        Verdict::Pass { because, .. } | Verdict::Fail { because, .. } | Verdict::NotApplicable { because, .. } => {
            because
        }
        _ => return None,
    };
    *text = format!("{all} outcomes are possible, and the verdict is the same for each. One of them: {text}");
    Some(first)
}
