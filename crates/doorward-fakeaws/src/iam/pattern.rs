//! Wildcard matching as IAM does it: `*` for any run, `?` for one character, nothing else special.

/// A pattern of an action, a resource or a condition value.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: Box<str>,
    wild: bool,
    fold_case: bool,
}

impl Pattern {
    /// Actions compare without regard to case.
    pub(crate) fn action(text: &str) -> Self {
        Self { text: text.to_ascii_lowercase().into(), wild: text.contains(['*', '?']), fold_case: true }
    }

    /// Resources and values compare exactly.
    pub(crate) fn exact_case(text: &str) -> Self {
        Self { text: text.into(), wild: text.contains(['*', '?']), fold_case: false }
    }

    /// Compares the text itself, without wildcards, as `StringEquals` does.
    pub(crate) fn literal(text: &str) -> Self {
        Self { text: text.into(), wild: false, fold_case: false }
    }

    /// The same with its policy variables (`${aws:PrincipalOrgID}`) replaced, or none if one of them has no value.
    pub(crate) fn filled<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let mut text = String::new();
        let mut rest = &*self.text;
        while let Some((before, variable)) = rest.split_once("${") {
            let (key, after) = variable.split_once('}')?;
            text.push_str(before);
            text.push_str(value_of(key)?);
            rest = after;
        }
        text.push_str(rest);
        Some(Self { text: text.into(), ..self.clone() })
    }

    /// Whether it contains policy variables.
    pub(crate) fn has_variables(&self) -> bool {
        self.text.contains("${")
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        if self.wild && &*self.text == "*" {
            return true;
        }
        match (self.wild, self.fold_case) {
            (false, false) => *self.text == *value,
            (false, true) => self.text.eq_ignore_ascii_case(value),
            (true, fold) => glob(self.text.as_bytes(), value.as_bytes(), fold),
        }
    }
}

/// Iterative glob: remembers the last star and retries one byte further on, so it stays linear in practice.
fn glob(pattern: &[u8], value: &[u8], fold: bool) -> bool {
    let (mut p, mut v) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = value.get(v) {
        let byte = if fold { byte.to_ascii_lowercase() } else { byte };
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, v));
                p += 1;
            }
            Some(&want) if want == b'?' || want == byte => {
                p += 1;
                v += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    v = from + 1;
                    star = Some((at, v));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn wildcards() {
        let cases = [
            ("arn:aws:iam::*:role/doorward-scan", "arn:aws:iam::123456789012:role/doorward-scan", true),
            ("arn:aws:iam::*:role/doorward-scan", "arn:aws:iam::123456789012:role/doorward-scanner", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*b", "abab", true),
            ("A", "a", false),
        ];
        for (pattern, value, want) in cases {
            assert_eq!(Pattern::exact_case(pattern).matches(value), want, "{pattern} ~ {value}");
        }
        assert!(Pattern::action("ElasticLoadBalancing:describe*").matches("elasticloadbalancing:DescribeTags"));
    }
}
