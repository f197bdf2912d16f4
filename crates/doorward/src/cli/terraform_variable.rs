//! The options that set Terraform's variables, in the order of the command line.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

/// One option.
#[derive(Debug, Clone)]
pub(crate) enum VariableArgument {
    /// `--var NAME=VALUE`
    Value(String),
    /// `--var-file FILE`
    File(PathBuf),
}

/// The options `--var` and `--var-file`. The last value of a variable counts, so that their order matters.
#[derive(Debug, Default)]
pub(crate) struct VariableArguments(pub(crate) Vec<VariableArgument>);

const VALUE: &str = "var";
const FILE: &str = "var-file";

impl FromArgMatches for VariableArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut arguments = Self::default();
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let places = |id: &str| matches.indices_of(id).into_iter().flatten();
        let values = matches.get_many::<String>(VALUE).into_iter().flatten().cloned().map(VariableArgument::Value);
        let files = matches.get_many::<PathBuf>(FILE).into_iter().flatten().cloned().map(VariableArgument::File);
        let mut ordered: Vec<_> = places(VALUE).zip(values).chain(places(FILE).zip(files)).collect();
        ordered.sort_by_key(|(place, _)| *place);
        self.0 = ordered.into_iter().map(|(_, argument)| argument).collect();
        Ok(())
    }
}

impl Args for VariableArguments {
    fn augment_args(command: Command) -> Command {
        command
            .arg(
                Arg::new(VALUE)
                    .long(VALUE)
                    .value_name("NAME=VALUE")
                    .action(ArgAction::Append)
                    .value_parser(value_parser!(String))
                    .help("The value of a Terraform variable, as `terraform plan -var` takes it; repeatable"),
            )
            .arg(
                Arg::new(FILE)
                    .long(FILE)
                    .value_name("FILE")
                    .action(ArgAction::Append)
                    .value_parser(value_parser!(PathBuf))
                    .help("A file of Terraform variables, as `terraform plan -var-file` takes it; repeatable"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
