//! The least that reads an answer: the texts of a few elements, by name, wherever they stand.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::Outcome;

/// The texts of the elements with these names, each list in the document's order. Empty elements have none.
pub(crate) fn texts<const N: usize>(document: &[u8], names: [&str; N]) -> Outcome<[Vec<String>; N]> {
    let mut found = [const { Vec::new() }; N];
    let mut reader = Reader::from_reader(document);
    let mut open = None;
    loop {
        match reader.read_event()? {
            Event::Start(element) => {
                open = names.iter().position(|name| *name == element.local_name().as_ref());
            }
            Event::End(_) => open = None,
            Event::Text(text) => {
                if let Some(list) = open.and_then(|index| found.get_mut(index)) {
                    list.push(text.to_string());
                }
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}
