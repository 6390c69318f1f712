//! `url_pattern /books/:id`: the request's URL has a shape, as the URL Pattern standard of
//! the WHATWG writes it.
//!
//! What begins with a slash is the shape of a path; anything else is that of a whole URL,
//! relative to `base_url`. What parts of it are is kept by the URL's component and the name
//! in the pattern: `{http.url_pattern.pathname.id}`.

use crate::config::matchers::UrlPattern as Config;
use crate::http::exchange::Exchange;
use crate::http::placeholder::Part;
use crate::http::server::ProvisionError;
use regex::{Regex, RegexBuilder};
use std::fmt::{self, Debug};
use url::Url;
use urlpattern::component::Component;
use urlpattern::matcher::{InnerMatcher, Matcher};
use urlpattern::regexp::RegExp;
use urlpattern::{
    RegexSyntax, UrlPatternComponentResult, UrlPatternInit, UrlPatternMatchInput, UrlPatternOptions,
};

/// The compiled matcher.
pub(super) struct UrlPattern(urlpattern::UrlPattern<Expression>);

/// A regular expression in a pattern.
struct Expression(Regex);

impl RegExp for Expression {
    fn syntax() -> RegexSyntax {
        RegexSyntax::Rust
    }

    fn parse(pattern: &str, flags: &str, _: bool) -> Result<Self, ()> {
        let insensitive = flags.contains('i');
        let regex = RegexBuilder::new(pattern).case_insensitive(insensitive).build();
        regex.map(Self).map_err(drop)
    }

    fn matches<'a>(&self, text: &'a str) -> Option<Vec<Option<&'a str>>> {
        RegExp::matches(&self.0, text)
    }

    fn pattern_string(&self) -> &str {
        self.0.as_str()
    }
}

impl UrlPattern {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let wrong = |error: &dyn fmt::Display| {
            ProvisionError::Invalid(format!("unable to parse URL pattern: {error}"))
        };
        let Config { pattern, base_url, ignore_case } = config;
        let init = if base_url.is_empty() && (pattern.is_empty() || pattern.starts_with('/')) {
            let pathname = Some(pattern.clone()).filter(|pattern| !pattern.is_empty());
            UrlPatternInit { pathname, ..UrlPatternInit::default() }
        } else {
            let base = Some(base_url.as_str()).filter(|base| !base.is_empty());
            let base = base.map(Url::parse).transpose().map_err(|error| wrong(&error))?;
            UrlPatternInit::parse_constructor_string::<Expression>(pattern, base)
                .map_err(|error| wrong(&error))?
        };
        let options = UrlPatternOptions { ignore_case: *ignore_case, ..Default::default() };
        let mut pattern =
            urlpattern::UrlPattern::parse(init, options).map_err(|error| wrong(&error))?;
        if *ignore_case {
            let urlpattern::UrlPattern { pathname, search, hash, username, password, .. } =
                &mut pattern;
            [pathname, search, hash, username, password].into_iter().for_each(by_expression);
        }
        Ok(Self(pattern))
    }

    /// Whether the URL has the shape; what its parts are is kept.
    pub(super) fn matches(&self, ex: &mut Exchange<'_>) -> bool {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let uri = text(&Part::Uri.of(&ex.target));
        let url = format!("{}://{}{uri}", ex.scheme(), text(&ex.host));
        let Ok(url) = Url::parse(&url) else { return false };
        let Ok(Some(found)) = self.0.exec(UrlPatternMatchInput::Url(url)) else { return false };
        let components = [
            ("protocol", found.protocol),
            ("username", found.username),
            ("password", found.password),
            ("hostname", found.hostname),
            ("port", found.port),
            ("pathname", found.pathname),
            ("search", found.search),
            ("hash", found.hash),
        ];
        ex.url_groups.clear();
        for (component, UrlPatternComponentResult { input, groups }) in components {
            if input.is_empty() {
                continue;
            }
            let named = groups.into_iter().map(|(name, group)| {
                (format!("{component}.{name}"), group.unwrap_or_default().into_bytes())
            });
            ex.url_groups.extend(named);
        }
        true
    }
}

/// Lets a component match by its regular expression alone: what the library does without
/// one heeds the case of a beginning and an end.
fn by_expression(component: &mut Component<Expression>) {
    let none = Err(urlpattern::Error::RegExp(()));
    let regexp = std::mem::replace(&mut component.regexp, none);
    component.matcher = Matcher {
        prefix: String::new(),
        suffix: String::new(),
        inner: InnerMatcher::RegExp { regexp },
        ignore_case: true,
    };
}

impl Debug for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UrlPattern").field(&self.0.pathname()).finish()
    }
}

/// What is wrong with a pattern, if anything is.
pub fn fault(config: &Config) -> Option<String> {
    UrlPattern::provision(config).err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The groups of the path, if the URL matches.
    fn found(pattern: &str, base_url: &str, url: &str) -> Option<Vec<(String, String)>> {
        let base_url = base_url.to_owned();
        let config = Config { pattern: pattern.to_owned(), base_url, ignore_case: true };
        let pattern = UrlPattern::provision(&config).expect("the case is a pattern");
        let url = Url::parse(url).expect("the case is a URL");
        let found = pattern.0.exec(UrlPatternMatchInput::Url(url)).expect("it is asked")?;
        let groups = found.pathname.groups.into_iter();
        let mut groups: Vec<_> = groups.map(|(k, v)| (k, v.unwrap_or_default())).collect();
        groups.sort();
        Some(groups)
    }

    #[track_caller]
    fn check(pattern: &str, url: &str, expected: Option<&[(&str, &str)]>) {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(found(pattern, "", url), expected.map(owned), "{pattern} {url}");
    }

    #[test]
    fn paths_have_shapes() {
        check("/books/:id", "http://a.test/books/12?q=1", Some(&[("id", "12")]));
        check("/books/:id", "http://a.test/BOOKS/a%20b", Some(&[("id", "a%20b")]));
        check("/books/:id", "http://a.test/books/12/x", None);
        check("/books/:id(\\d+)", "http://a.test/books/x", None);
        check("/files/*", "http://a.test/files/a/b", Some(&[("0", "a/b")]));
        check("/files/*", "http://a.test/files", None);
        check("/a/:id?", "http://a.test/a", Some(&[("id", "")]));
        check("/{x/}?y", "http://a.test/y", Some(&[]));
        check("/a/../b", "http://a.test/b", Some(&[]));
        check("", "http://a.test/x", Some(&[("0", "/x")]));
    }

    #[test]
    fn whole_urls_have_shapes() {
        check("http://:sub.a.test/*", "http://b.a.test/q", Some(&[("0", "q")]));
        check("http://:sub.a.test/*", "http://a.test/q", None);
        check("http://:sub.a.test/*", "http://b.a.test:81/q", None);
        check("https://*/*", "http://a.test/q", None);
        let relative = |url| found("foo/:id", "http://a.test/b/", url);
        assert!(relative("http://a.test/b/foo/1").is_some());
        assert!(relative("http://b.test/b/foo/1").is_none());
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (pattern, base_url) in [("foo", ""), ("/x((", ""), ("/:", ""), ("/a", "::")] {
            let (pattern, base_url) = (pattern.to_owned(), base_url.to_owned());
            let config = Config { pattern, base_url, ignore_case: false };
            let error = fault(&config).expect("the case is wrong");
            assert!(error.starts_with("unable to parse URL pattern: "), "{error}");
        }
    }
}
