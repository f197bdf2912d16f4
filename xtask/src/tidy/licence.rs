//! SPDX licence expressions: whether the accepted licences fulfil one.

/// Whether accepted licences fulfil an expression; the error says which part they do not.
pub(super) fn allowed(expression: &str, accepted: &[String]) -> Result<(), String> {
    if expression.is_empty() {
        return Err("no licence is stated".to_owned());
    }
    // Old manifests write "MIT/Apache-2.0" for a choice.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, accepted };
    match (reader.choice(), reader.words) {
        (Some(true), []) => Ok(()),
        (Some(false), []) => Err(format!("{expression} needs a licence that is not accepted")),
        _ => Err(format!("{expression:?} is not a licence expression")),
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
    accepted: &'a [String],
}

impl Reader<'_> {
    /// `a OR b`; binds weaker than `AND`.
    fn choice(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.take("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    /// `a AND b`.
    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.take("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    /// A licence, with its exception if it has one, or something in parentheses.
    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let met = self.choice()?;
            return self.take(")").then_some(met);
        }
        let (name, rest) = self.words.split_first()?;
        if ["AND", "OR", "WITH", ")"].contains(name) {
            return None;
        }
        self.words = rest;
        let licence = match rest {
            ["WITH", exception, rest @ ..] => {
                self.words = rest;
                format!("{name} WITH {exception}")
            }
            _ => (*name).to_owned(),
        };
        Some(self.accepted.contains(&licence))
    }

    fn take(&mut self, word: &str) -> bool {
        let taken = self.words.first() == Some(&word);
        if taken {
            self.words = &self.words[1..];
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(expression: &str) -> Result<(), String> {
        let accepted = ["Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC", "MIT", "Unicode-3.0"];
        allowed(expression, &accepted.map(str::to_owned))
    }

    #[test]
    fn accepted_licences_pass() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
            "MIT OR Apache-2.0 OR LGPL-2.1-or-later",
            "(MIT OR GPL-2.0) AND Unicode-3.0",
            "ISC AND (Apache-2.0 OR ISC) AND MIT",
            "GPL-3.0 AND MIT OR ISC",
        ] {
            assert_eq!(judged(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn others_do_not() {
        for bad in [
            "",
            "GPL-3.0",
            "AGPL-3.0 OR SSPL-1.0",
            "MIT AND GPL-3.0",
            "MIT AND (GPL-3.0 OR SSPL-1.0)",
            "MIT OR",
            "(MIT",
            "MIT)",
            "MIT Apache-2.0",
            "GPL-2.0 WITH Classpath-exception-2.0",
        ] {
            assert!(judged(bad).is_err(), "{bad}");
        }
    }
}
