//! Serves an emulated AWS organization from a world file until interrupted.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use doorward_fakeaws::{Options, Server, World};

const USAGE: &str = "usage: doorward-fakeaws --world FILE [--port N] [--no-quotas]\n";

struct Arguments {
    world: String,
    options: Options,
}

/// The parsed arguments; `None` for `--help`.
fn arguments(mut given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut world = None;
    let mut options = Options::default();
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--world" => world = Some(given.next().ok_or("--world needs a file")?),
            "--port" => {
                let port = given.next().ok_or("--port needs a number")?;
                options.port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
            }
            "--no-quotas" => options.quotas = Some(false),
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("unknown argument {other:?}")),
        }
    }
    let world = world.ok_or("--world is missing")?;
    Ok(Some(Arguments { world, options }))
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let path = &arguments.world;
    let world = World::from_file(Path::new(path)).map_err(|error| format!("{path}: {error}"))?;
    let server = Server::start(world, arguments.options).await.map_err(|error| error.to_string())?;
    let mut lines = format!("export AWS_ENDPOINT_URL={}\n", server.url());
    if let Some(caller) = server.world().callers().first() {
        lines.push_str(&format!("export AWS_ACCESS_KEY_ID={}\n", caller.access_key));
        lines.push_str(&format!("export AWS_SECRET_ACCESS_KEY={}\n", caller.secret));
    }
    lines.push_str(&format!("export AWS_REGION={}\n", server.world().home_region()));
    let mut stdout = std::io::stdout();
    stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| error.to_string())?;
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())?;
    server.shutdown().await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match arguments(std::env::args().skip(1)) {
        Ok(Some(arguments)) => run(arguments).await,
        Ok(None) => Err(String::new()),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let separator = if error.is_empty() { "" } else { "\n" };
            // If stderr is closed, there is no other place for the message.
            let _ = write!(std::io::stderr(), "{error}{separator}{USAGE}");
            ExitCode::from(2)
        }
    }
}
