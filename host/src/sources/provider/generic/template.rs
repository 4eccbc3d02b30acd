//! The text that is signed, such as `v0:{timestamp}:{body}`.

use http::HeaderName;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// As it stands.
    Text(String),
    /// The body, as received.
    Body,
    /// The value of the header with the time.
    Timestamp,
    /// The value of the header that names the delivery.
    Id,
    /// The value of another header, by its lower-case name.
    Header(String),
}

/// The text that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

impl Template {
    /// Reads a template; the error is a sentence for the operator.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let begin = rest.find('{').unwrap_or(rest.len());
            let (before, from) = rest.split_at(begin);
            if before.contains('}') {
                return Err(format!("`{text}` has a `}}` that closes nothing"));
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let Some(inner) = from.strip_prefix('{') else {
                break;
            };
            let (name, after) = inner
                .split_once('}')
                .ok_or_else(|| format!("`{text}` has a `{{` that is not closed"))?;
            parts.push(part(name)?);
            rest = after;
        }
        if !parts.contains(&Part::Body) {
            return Err(format!(
                "`{text}` has no `{{body}}`: a signature that does not cover the body proves nothing about it"
            ));
        }
        let runs_into_the_next = parts.windows(2).any(|pair| {
            matches!(pair, [Part::Id | Part::Header(_), next] if !matches!(next, Part::Text(_)))
        });
        if runs_into_the_next {
            return Err(format!(
                "`{text}` has nothing between a header and what follows it, so that one signature would fit several \
                 requests: it can be described only if the sender puts something between them"
            ));
        }
        Ok(Self(parts))
    }

    /// The header whose value holds the text that ends it: one signature would fit several requests.
    pub(super) fn ambiguous<'a>(
        &'a self,
        id: Option<&'a str>,
        value: &dyn Fn(&str) -> &'a [u8],
    ) -> Option<&'a str> {
        self.0.windows(2).find_map(|pair| {
            let (name, end) = match pair {
                [Part::Id, Part::Text(end)] => (id?, end),
                [Part::Header(name), Part::Text(end)] => (name.as_str(), end),
                _ => return None,
            };
            let holds_end = memchr::memmem::find(value(name), end.as_bytes()).is_some();
            holds_end.then_some(name)
        })
    }

    /// Its pieces, in order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether the time is signed.
    pub(super) fn has_timestamp(&self) -> bool {
        self.0.contains(&Part::Timestamp)
    }

    /// Whether the delivery's identifier is signed.
    pub(super) fn has_id(&self) -> bool {
        self.0.contains(&Part::Id)
    }

    /// The other headers that are signed.
    pub(super) fn headers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Header(name) => Some(name.as_str()),
            Part::Text(_) | Part::Body | Part::Timestamp | Part::Id => None,
        })
    }
}

fn part(name: &str) -> Result<Part, String> {
    match name {
        "body" => Ok(Part::Body),
        "timestamp" => Ok(Part::Timestamp),
        "id" => Ok(Part::Id),
        _ => name
            .strip_prefix("header:")
            .and_then(|name| HeaderName::try_from(name).ok())
            .map(|name| Part::Header(name.as_str().to_owned()))
            .ok_or_else(|| {
                format!("`{{{name}}}` is not known: write {{body}}, {{timestamp}}, {{id}} or {{header:NAME}}")
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_into_its_parts() {
        let template = Template::parse("v0:{timestamp}:{header:Date}.{body}").expect("a template");
        let parts = [
            Part::Text("v0:".to_owned()),
            Part::Timestamp,
            Part::Text(":".to_owned()),
            Part::Header("date".to_owned()),
            Part::Text(".".to_owned()),
            Part::Body,
        ];
        assert_eq!(template.parts(), parts);
        assert_eq!(template.headers().collect::<Vec<_>>(), ["date"]);
    }

    #[test]
    fn a_template_without_the_body_or_with_an_unknown_part_is_refused() {
        for text in [
            "",
            "{timestamp}",
            "{body",
            "body}",
            "{body}{nonce}",
            "{body}{header:}",
            "{body}{header:a b}",
            "{id}{body}",
            "{header:Date}{body}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
