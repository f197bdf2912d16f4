//! Prints what a billing export charges load balancers: ARN, currency and sum, separated by tabs. `cargo xtask costs` compares the sums
//! with those of DuckDB.

#![expect(clippy::expect_used, reason = "an example that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use std::path::PathBuf;

use doorward_cost::BillingExport;

fn main() {
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        let export = BillingExport::read(&path).expect("an export");
        for (arn, amounts) in export.sums() {
            for (currency, sum) in amounts {
                println!("{arn}\t{currency}\t{sum}");
            }
        }
    }
}
