//! The IaC gate: declarations of load balancers, judged by the rules of a scan before they are deployed.
//!
//! [`gather()`] reads the named files and folders, [`Checker::check`] parses them with `doorward-iac` and judges every
//! declaration by policy, rules and exceptions, [`fix()`] writes the required mode into the files, and [`CheckFormat::write`]
//! renders a [`CheckReport`]. The caller supplies the clock, the settings, the saved scan and a function that writes
//! files, and derives the exit code from [`Outcome`].
//!
//! A value that the files do not determine is unknown, never a pass. A file that cannot be read is either a problem (the
//! user named it) or listed as not read (it was found in a folder); no file is left out silently.

mod baseline;
mod changed;
mod checker;
mod declarations;
mod error;
mod fix;
mod gather;
mod judged;
mod live;
mod render;
mod settings;

pub use baseline::Baseline;
pub use changed::ChangedFiles;
pub use checker::{CheckReport, Checker, Outcome};
pub use declarations::Declarations;
pub use error::{CheckError, InputError};
pub use fix::{WriteFile, fix};
pub use gather::rendered_charts::HelmRun;
pub use gather::{Gathered, SearchOptions, gather, read_file, read_folder};
pub use judged::JudgedDeclaration;
pub use live::LiveScan;
pub use render::{CheckDocument, CheckFormat, CheckOutput, RenderInput, TextOptions};
pub use settings::{CheckSettings, GateSettings, UnknownModules};
