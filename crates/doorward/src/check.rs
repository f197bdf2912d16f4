//! `doorward check`: what is declared, judged by the rules of a scan before it is deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use doorward_iac::Options;
use doorward_model::{AccountId, Region, RuleMeta};

use crate::cli::{CheckArguments, Cli};
use crate::exit::{Exit, Failure};
use crate::places::Places;
use crate::plain::harmless;
use crate::settings::Settings;

mod annotations;
mod document;
mod fix;
pub(crate) mod gather;
mod judge;
mod junit;
mod live;
mod sarif;
mod told;

pub(crate) use document::CheckDocument;
use judge::{Checked, Judge};

/// One `--format KIND[=PATH]`.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    kind: Kind,
    path: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Json,
    Sarif,
    Github,
    Junit,
}

const KINDS: [(&str, Kind); 5] = [
    ("text", Kind::Text),
    ("json-v1", Kind::Json),
    ("sarif", Kind::Sarif),
    ("github", Kind::Github),
    ("junit", Kind::Junit),
];

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = match text.split_once('=') {
            Some((_, "")) => return Err(format!("{text:?} names no file behind the =")),
            Some((name, "-")) => (name, None),
            Some((name, path)) => (name, Some(PathBuf::from(path))),
            None => (text, None),
        };
        let kind = KINDS.into_iter().find(|(known, _)| *known == name);
        let names = || KINDS.map(|(name, _)| name).join(", ");
        let (_, kind) = kind.ok_or_else(|| format!("{name:?} is not one of {}", names()))?;
        Ok(Self { kind, path })
    }
}

/// Runs `doorward check`.
pub(crate) fn run(cli: &Cli, arguments: &CheckArguments) -> Result<Exit, Failure> {
    let mut settings = Settings::load(cli.config.as_deref(), &[])?;
    arguments.overlay(&mut settings.report)?;
    let formats = formats(arguments)?;
    let options = options(arguments)?;
    let chosen = chosen(&arguments.rules)?;
    let register = settings.exceptions.read()?.register()?;
    let live = arguments.scan.as_deref().map(|path| live::read(path, &settings.normalize())).transpose()?;
    let normalize = settings.normalize();
    let judge = Judge {
        rules: crate::register::rules(&register, &[], false, crate::clock::now()),
        chosen: &chosen,
        asked: judge::asked(&settings.policy, &register),
        policy: &settings.policy,
        normalize: &normalize,
        live: live.as_ref(),
    };
    judge.asks_something()?;
    let mut gathered = gather::all(&arguments.paths)?;
    let mut places = Places::of(&settings);
    places.keep_flag("--scan", arguments.scan.as_deref());
    gathered.sources.iter().for_each(|source| places.keep("a file that is checked", Path::new(&source.path)));
    for format in &formats {
        format.path.iter().for_each(|path| places.file("--format", path));
    }
    places.check()?;
    let mut checked = judge.check(&mut gathered, &options);
    if arguments.fix {
        checked = fix::apply(&judge, checked, &mut gathered, &options, cli.quiet)?;
    }
    for problem in &checked.problems {
        let _ = writeln!(std::io::stderr(), "doorward: {}", harmless(&problem.to_string()));
    }
    if checked.files.is_empty() && checked.problems.is_empty() && checked.unread.is_empty() {
        let said = "none of the files there is of a dialect that is checked; name a file to be told why";
        return Err(Failure::new(Exit::Usage, said));
    }
    let exit = checked.exit(&settings.report);
    let sources = gathered.sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let told = Told { checked: &checked, report: &settings.report, exit, sources };
    for format in &formats {
        told.write(format, cli)?;
    }
    if !cli.quiet && exit != Exit::Clean {
        let _ = writeln!(std::io::stderr(), "exit code {}: {}", exit.code(), exit.meaning());
    }
    Ok(exit)
}

/// Everything that an output needs.
struct Told<'a> {
    checked: &'a Checked,
    report: &'a crate::settings::ReportSettings,
    exit: Exit,
    /// The files that were checked, by path.
    sources: BTreeMap<&'a str, &'a doorward_iac::Source>,
}

impl Told<'_> {
    fn write(&self, format: &Format, cli: &Cli) -> Result<(), Failure> {
        let colour = format.path.is_none() && cli.colour_on_stdout();
        // Written as it is made: as one text, a large check would take its memory a second time.
        let write = |out: &mut dyn Write| {
            let mut out = BufWriter::new(out);
            match format.kind {
                Kind::Text => told::write(self, colour, cli.verbose > 0, &mut out),
                Kind::Json => document::write(self, &mut out),
                Kind::Sarif => sarif::write(self, &mut out),
                Kind::Github => annotations::write(self, &mut out),
                Kind::Junit => junit::write(self, &mut out),
            }?;
            out.flush()
        };
        match &format.path {
            Some(path) => crate::files::write_file(path, crate::files::Readers::Umask, write)
                .map_err(|e| Failure::writing(&path.display().to_string(), &e)),
            None => write(&mut std::io::stdout().lock()).map_err(|e| Failure::writing("stdout", &e)),
        }
    }
}

fn formats(arguments: &CheckArguments) -> Result<Vec<Format>, Failure> {
    if arguments.formats.is_empty() {
        return Ok(vec![Format { kind: Kind::Text, path: None }]);
    }
    if arguments.formats.iter().filter(|format| format.path.is_none()).count() > 1 {
        let said = "two formats would both be written to stdout; give all but one a file: --format sarif=check.sarif";
        return Err(Failure::new(Exit::Usage, said));
    }
    Ok(arguments.formats.clone())
}

fn options(arguments: &CheckArguments) -> Result<Options, Failure> {
    let usage = |flag: &str, problem: String| Failure::new(Exit::Usage, format!("{flag}: {problem}"));
    let account = arguments.account.as_deref().map(AccountId::new).transpose();
    let region = arguments.region.as_deref().map(Region::new).transpose();
    let tag = |text: &String| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(usage("--tag", format!("{text:?} is not KEY=VALUE"))),
    };
    Ok(Options {
        new: arguments.new,
        account: account.map_err(|e| usage("--account", e.to_string()))?,
        region: region.map_err(|e| usage("--region", e.to_string()))?,
        tags: arguments.tags.iter().map(tag).collect::<Result<_, _>>()?,
    })
}

/// The rules that were named; none means all.
fn chosen(names: &[String]) -> Result<BTreeSet<&'static str>, Failure> {
    let known = |name: &String| {
        let meta: Option<&&RuleMeta> = doorward_rules::catalogue().iter().find(|meta| meta.id == name);
        meta.map(|meta| meta.id).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("--rule {name}: no such rule; `doorward explain` lists them"))
        })
    };
    names.iter().map(known).collect()
}
