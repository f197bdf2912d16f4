//! The plan as Markdown, for review. Names, owners and reasons are text from outside: they cannot become markup.

use std::fmt::Write as _;

use doorward_model::{counted, markdown as cell};

use crate::{Goal, Plan, Risk, Step};

/// The plan in Markdown.
pub fn markdown(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = head(&mut text, plan).and_then(|()| body(&mut text, plan));
    text
}

fn head(text: &mut String, plan: &Plan) -> std::fmt::Result {
    let goal = match plan.goal {
        Goal::Required => "the required mode".to_owned(),
        Goal::Mode(mode) => format!("`{mode}`"),
        Goal::Advice => "the mode that traffic supports".to_owned(),
        Goal::DropInvalidHeaders => "invalid header fields are removed".to_owned(),
    };
    writeln!(text, "# Change plan {}\n", plan.id)?;
    writeln!(text, "Made {} from scan {} of {}. Target: {goal}.\n", plan.made, cell(&plan.run.id), plan.run.started)?;
    let run = &plan.run;
    let scope = match (&run.organization, &run.account) {
        (Some(organization), _) => {
            format!("organization {}, management account {}", cell(&organization.id), organization.management_account)
        }
        (None, Some(account)) => format!("account {account} alone"),
        (None, None) => "not named".to_owned(),
    };
    writeln!(text, "Scope: {scope}, partition {}.\n", cell(run.partition.as_deref().unwrap_or("not named")))?;
    if let (Some(first), Some(last)) = (plan.observed().min(), plan.observed().max()) {
        let age = plan.made.duration_since(first).as_secs_f64() / 3600.0;
        writeln!(
            text,
            "The modes were read between {first:.0} and {last:.0}, up to {age:.1} hours before the plan was made.\n"
        )?;
    }
    if let Some(selection) = &plan.selection {
        writeln!(
            text,
            "Filtered: {}. Other load balancers are in no count and no list of this plan.\n",
            cell(selection)
        )?;
    }
    writeln!(
        text,
        "{} considered: {} to change in {} of at most {} (the first of {}), {} to change in the code or stack that manages \
         them, {} not to change, {} already in the target mode.\n",
        counted(plan.considered, "load balancer"),
        plan.steps.len(),
        counted(plan.waves(), "wave"),
        plan.cap,
        plan.wave(1).count(),
        plan.patches.len(),
        plan.skipped.len(),
        plan.already
    )?;
    writeln!(text, "SHA-256 of the plan: `{}`\n", plan.digest)?;
    writeln!(
        text,
        "This text belongs to exactly this plan: `doorward apply --reviewed` with this file refuses any \
         other plan."
    )
}

/// Whether a text is the Markdown of any plan and version: a new one may replace such a file.
pub fn is_markdown(text: &str) -> bool {
    text.starts_with("# Change plan change-")
}

fn body(text: &mut String, plan: &Plan) -> std::fmt::Result {
    if !plan.steps.is_empty() {
        writeln!(
            text,
            "\nThe smallest loss of requests that a watch can show depends on how much the metrics of each load balancer vary: `doorward apply \
             PLAN --dry-run --watch 30m` states it."
        )?;
    }
    for wave in 1..=plan.waves() {
        writeln!(text, "\n## Wave {wave}\n")?;
        writeln!(text, "| load balancer | account, Region | owner | mode | risk | blocked | evidence |")?;
        writeln!(text, "|---|---|---|---|---|---|---|")?;
        for step in plan.wave(wave) {
            writeln!(
                text,
                "| {} | {} {} | {} | {} -> {} | {} | {} | {} {} |",
                cell(&step.target.name),
                step.target.account,
                step.target.region,
                owner(step.owner.as_deref()),
                step.from,
                step.to,
                risk(step.risk),
                blocked(step),
                cell(&step.reason),
                cell(&step.evidence)
            )?;
        }
        for step in plan.wave(wave) {
            let insisted = &step.insisted;
            if let Some(reason) = &insisted.without_evidence {
                writeln!(
                    text,
                    "\n**{}**: changed without enough evidence; reason: {}",
                    cell(&step.target.name),
                    cell(reason)
                )?;
            }
            if let Some(reason) = &insisted.over_manager {
                writeln!(
                    text,
                    "\n**{}**: changed directly although it is managed by code or a stack, which may undo the change; reason: {}",
                    cell(&step.target.name),
                    cell(reason)
                )?;
            }
        }
    }
    if !plan.patches.is_empty() {
        writeln!(text, "\n## To change in the code or stack that manages them")?;
    }
    for patch in &plan.patches {
        writeln!(
            text,
            "\n### {} ({} {}), {} -> {}\n",
            cell(&patch.target.name),
            patch.target.account,
            patch.target.region,
            patch.from,
            patch.to
        )?;
        writeln!(text, "{} Owner: {}. {}", cell(&patch.reason), owner(patch.owner.as_deref()), cell(&patch.remedy))?;
        for snippet in &patch.snippets {
            writeln!(text, "\n{}\n\n```{}\n{}```", snippet.dialect, snippet.language, snippet.code)?;
        }
    }
    if !plan.skipped.is_empty() {
        writeln!(text, "\n## Not changed\n\n| load balancer | account, Region | owner | reason |\n|---|---|---|---|")?;
    }
    for skip in &plan.skipped {
        writeln!(
            text,
            "| {} | {} {} | {} | {} |",
            cell(&skip.target.name),
            skip.target.account,
            skip.target.region,
            owner(skip.owner.as_deref()),
            cell(&skip.because)
        )?;
    }
    Ok(())
}

fn owner(owner: Option<&str>) -> String {
    owner.map_or_else(|| "unknown (could not be read)".to_owned(), cell)
}

const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "**high**",
    }
}

/// The requests that would be blocked, with the denominator and the days on which traffic was observed.
fn blocked(step: &Step) -> String {
    let Some(effect) = &step.effect else { return "unknown".to_owned() };
    let mut text = format!("{} of {} {}", effect.blocked, effect.requests, cell(&effect.denominator));
    match &effect.observed {
        Some(observed) => text.push_str(&format!(", observed: {}", observed.summary())),
        None => text.push_str(", the observed days were not recorded"),
    }
    match effect.hurt {
        Some(hurt) => text.push_str(&format!(", {hurt} of them served before")),
        None => text.push_str("; it is unknown how many of them were served"),
    }
    text
}
