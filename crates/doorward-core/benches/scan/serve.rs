//! The emulator's process: quotas off, calls counted and not kept, alive as long as its standard input.

use std::io::{Read, Write};

use doorward_fakeaws::{CallDetail, Options, Server, World};
use serde_json::{Value, json};

use crate::world::{self, Size};
use crate::{Outcome, measure};

/// Prints where it listens and the fewest calls that can see everything, then serves until standard input ends.
pub(crate) fn serve(size: Size) -> Outcome<Value> {
    let runtime = measure::runtime()?;
    let world = World::build(world::spec(size))?;
    let load_balancers = world.summary().load_balancers;
    let options = Options { quotas: Some(false), calls: CallDetail::Counts, ..Options::default() };
    let server = runtime.block_on(Server::start(world, options))?;
    let hello = json!({"url": server.url(), "load_balancers": load_balancers, "minimum": world::minimum(size)});
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{hello}")?;
    stdout.flush()?;
    // The parent process holds the other end; it closes even when that process is killed.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    runtime.block_on(server.shutdown());
    Ok(json!({"served": true}))
}
