//! Random configurations whose mode is known by construction: no verdict contradicts it.
//!
//! A generator wraps a mode in locals, variables, conditions, collections, loops, functions and modules, and keeps the set of
//! modes that the expression may have. The verdict must follow from this set.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use doorward_iac::{Deployment, ParseOutput, SourceFile, agreed, parse};
use doorward_model::{Mode, Policy, VerdictKind};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The modes that an expression may have; `None` for any.
type Possible = Option<BTreeSet<Mode>>;

const MODES: [Mode; 3] = [Mode::Monitor, Mode::Defensive, Mode::Strictest];

/// A source of pseudo-random numbers with one seed per configuration.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn mode(&mut self) -> Mode {
        MODES[self.below(3)]
    }
}

/// A configuration in the making.
struct Configuration {
    random: Random,
    /// The blocks beside the load balancer.
    blocks: String,
    files: BTreeMap<String, String>,
    names: usize,
}

impl Configuration {
    fn name(&mut self) -> String {
        self.names += 1;
        format!("n{}", self.names)
    }

    /// A value that the files do not determine.
    fn unknown(&mut self) -> String {
        match self.random.below(3) {
            0 => "aws_x.y.id".to_owned(),
            1 => "data.aws_x.y[0].name".to_owned(),
            _ => {
                let name = self.name();
                let _ = writeln!(self.blocks, "variable \"{name}\" {{\n  type = string\n}}");
                format!("var.{name}")
            }
        }
    }

    /// An expression for a mode, with the modes that it may have. `depth` limits the nesting.
    fn mode(&mut self, depth: usize) -> (String, Possible) {
        if depth == 0 {
            if self.random.below(12) == 0 {
                return (self.unknown(), None);
            }
            let mode = self.random.mode();
            return (format!("\"{mode}\""), Some([mode].into()));
        }
        let kind = self.random.below(24);
        if kind == 0 {
            return self.open_condition(depth);
        }
        let (inner, possible) = self.mode(depth - 1);
        let noise = self.noise();
        let name = self.name();
        let text = match kind {
            1 => {
                let _ = writeln!(self.blocks, "locals {{\n  {name} = {inner}\n}}");
                format!("local.{name}")
            }
            2 => {
                let _ =
                    writeln!(self.blocks, "locals {{\n  {name} = {{ a = {noise}, mode = {inner}, z = [{noise}] }}\n}}");
                format!("local.{name}.mode")
            }
            3 => format!("(1 + 1 == 2 ? {inner} : {noise})"),
            4 => format!("(length([1, 2]) > 5 ? \"x{name}\" : {inner})"),
            5 => format!("{{ b = {noise}, a = {inner} }}[\"a\"]"),
            6 => format!("lookup({{ a = {inner} }}, \"a\", {noise})"),
            7 => format!("lookup({{ b = {noise} }}, \"a\", {inner})"),
            8 => format!("merge({{ a = {noise} }}, {{ a = {inner} }}).a"),
            9 => format!("try({{ b = 1 }}.a, {inner})"),
            10 => format!("element([{noise}, {inner}], 3)"),
            11 => format!("concat([{noise}], [{inner}])[1]"),
            12 => format!("[for x in [{inner}] : lower(x)][0]"),
            13 => format!("{{ for k, v in {{ a = {inner} }} : upper(k) => v }}[\"A\"]"),
            14 => format!("\"${{{inner}}}\""),
            15 => format!("format(\"%s%s\", \"\", {inner})"),
            16 => format!("trimprefix(\"x-${{{inner}}}\", \"x-\")"),
            17 => format!("element([{{ m = {inner} }}, {{ m = {noise} }}][*].m, 0)"),
            18 => format!("coalesce(null, \"\", {inner}, \"x\")"),
            // The text of a collection with a value that is open is not known.
            19 if possible.as_ref().is_none_or(|modes| modes.len() > 1) => format!("one([{inner}])"),
            19 => format!("jsondecode(jsonencode({{ m = {inner} }})).m"),
            20 => format!("split(\",\", \"x,${{{inner}}}\")[1]"),
            21 => format!("tolist([{inner}])[0]"),
            22 => {
                let folder = name.clone();
                self.files.insert(
                    format!("{folder}/main.tf"),
                    "variable \"o\" {\n  type = object({ mode = string, other = optional(string, \"x\") })\n}\n\
                     output \"mode\" {\n  value = var.o.other == \"x\" ? var.o.mode : \"monitor\"\n}\n"
                        .to_owned(),
                );
                let _ = writeln!(
                    self.blocks,
                    "module \"{name}\" {{\n  source = \"./{folder}\"\n  o = {{ mode = {inner}, dropped = {noise} }}\n}}"
                );
                format!("module.{name}.mode")
            }
            _ => format!("flatten([[{inner}], [[\"x\"]]])[0]"),
        };
        (text, possible)
    }

    /// A condition that the files do not decide: the modes of both branches are possible.
    fn open_condition(&mut self, depth: usize) -> (String, Possible) {
        let (then, of_then) = self.mode(depth - 1);
        let (otherwise, of_otherwise) = self.mode(depth - 1);
        let unknown = self.unknown();
        let possible = of_then.zip(of_otherwise).map(|(one, other)| &one | &other);
        (format!("({unknown} == \"x\" ? {then} : {otherwise})"), possible)
    }

    /// A value that must not matter.
    fn noise(&mut self) -> String {
        match self.random.below(3) {
            0 => self.unknown(),
            1 => format!("\"{}\"", self.random.mode()),
            _ => "\"other\"".to_owned(),
        }
    }
}

fn output(text: &str, files: &BTreeMap<String, String>) -> ParseOutput {
    let source = |path: &str, text: &str| SourceFile::new(path, text.as_bytes().to_vec(), true).unwrap();
    let named = [source("main.tf", text)];
    parse(&named, &Deployment::default(), &|folder| {
        let within = |path: &&String| path.rsplit_once('/').is_some_and(|(own, _)| own == folder);
        let mut found: Vec<SourceFile> =
            files.keys().filter(within).map(|path| source(path, &files[path.as_str()])).collect();
        if folder.is_empty() {
            found.push(named[0].clone());
        }
        Ok(found)
    })
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000);
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2026), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn verdicts_follow_from_the_construction(seed in any::<u64>(), depth in 1_usize..6) {
        let random = Random(seed);
        let mut configuration = Configuration { random, blocks: String::new(), files: BTreeMap::new(), names: 0 };
        let (expression, possible) = configuration.mode(depth);
        let text = format!(
            "{}resource \"aws_lb\" \"a\" {{\n  desync_mitigation_mode = {expression}\n}}\n",
            configuration.blocks
        );
        // An independent reader finds the same load balancer in the generated text.
        let body = hcl::parse(&text);
        prop_assert!(body.is_ok(), "{:?}\n{}", body.err(), text);
        let is_one = |block: &&hcl::Block| block.labels().first().is_some_and(|label| label.as_str() == "aws_lb");
        prop_assert_eq!(body.unwrap().blocks().filter(is_one).count(), 1, "{}", text);
        let output = output(&text, &configuration.files);
        prop_assert_eq!(&output.errors, &[], "{}", text);
        prop_assert_eq!(output.declared.len(), 1, "{}", text);
        let rules = doorward_rules::all();
        let rule = rules.iter().find(|rule| rule.meta().id == "desync-mode-below-required").unwrap();
        for required in MODES {
            let policy = Policy { required_mode: required, ..Policy::default() };
            let declared = &output.declared[0];
            let verdict = rule.judge(declared.load_balancer().unwrap(), &policy);
            let verdict = match verdict.kind() {
                VerdictKind::Unknown => {
                    agreed(declared.outcomes.iter().map(|outcome| rule.judge(outcome, &policy))).unwrap_or(verdict)
                }
                _ => verdict,
            };
            let passes = |mode: &Mode| *mode >= required;
            let expected = match &possible {
                Some(modes) if modes.iter().all(passes) => VerdictKind::Pass,
                Some(modes) if !modes.iter().any(passes) => VerdictKind::Fail,
                _ => VerdictKind::Unknown,
            };
            prop_assert_eq!(verdict.kind(), expected, "{} required, {:?}:\n{}", required, possible, text);
        }
    }
}
