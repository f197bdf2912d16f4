//! Writes the XML of the query protocol and of S3. All escaping is done here.

/// An XML document under construction. Every text goes through [`Xml::text`], which escapes it.
#[derive(Debug, Default)]
pub(crate) struct Xml {
    out: String,
}

impl Xml {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes) }
    }

    pub(crate) fn open(&mut self, tag: &str) {
        self.out.push('<');
        self.out.push_str(tag);
        self.out.push('>');
    }

    pub(crate) fn close(&mut self, tag: &str) {
        self.out.push_str("</");
        self.out.push_str(tag);
        self.out.push('>');
    }

    /// `<tag>escaped value</tag>`.
    pub(crate) fn text(&mut self, tag: &str, value: &str) {
        self.open(tag);
        escape_into(&mut self.out, value);
        self.close(tag);
    }

    /// An element whose content `fill` writes.
    pub(crate) fn within(&mut self, tag: &str, fill: impl FnOnce(&mut Self)) {
        self.open(tag);
        fill(self);
        self.close(tag);
    }

    /// Text that needs no escaping.
    pub(crate) fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// `<tag>` around markup that is already complete.
    pub(crate) fn raw_within(&mut self, tag: &str, markup: &str) {
        self.open(tag);
        self.out.push_str(markup);
        self.close(tag);
    }

    /// `<tag>` around one `<member>` per item.
    pub(crate) fn members<T>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Self, T),
    ) {
        self.open(tag);
        for item in items {
            self.open("member");
            fill(self, item);
            self.close("member");
        }
        self.close(tag);
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }
}

/// Escapes markup, and writes characters that XML 1.0 cannot hold as the replacement character.
///
/// Carriage return, tab and newline become references because a parser would otherwise normalize them away.
pub(crate) fn escape_into(out: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\r' => out.push_str("&#13;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_markup_and_control_characters() {
        let mut out = String::new();
        escape_into(&mut out, "<b> & \"x\" 'y'\t\u{1b}[31m é");
        assert_eq!(out, "&lt;b&gt; &amp; &quot;x&quot; &#39;y&#39;&#9;\u{fffd}[31m é");
    }
}
