//! Writes the pages that a browser tries, into a folder: `cargo run --example pages -- folder`.

use std::path::Path;

use doorward_sink_page::{PageContext, write};

#[path = "../tests/it/scene.rs"]
#[expect(clippy::expect_used, reason = "it belongs to the tests")]
mod scene;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("takes a folder")?;
    let reports = [("hostile", scene::all_hostile()), ("large", scene::large(20_000, 300))];
    for (name, report) in reports {
        write(&Path::new(&folder).join(format!("{name}.html")), &report, &PageContext::default())?;
        let json = std::fs::File::create(Path::new(&folder).join(format!("{name}.json")))?;
        serde_json::to_writer(std::io::BufWriter::new(json), &report)?;
    }
    Ok(())
}
