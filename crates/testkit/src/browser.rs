//! A browser without a window: cookies, redirects and forms, over plain HTTP on loopback.
//!
//! Cookies are `SameSite=Lax`, and another origin is another site: stricter than real browsers, for which all of
//! loopback is one site.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::PATIENCE;

/// Redirects that are followed one after the other.
const REDIRECTS_MAX: usize = 12;

/// A browser with its cookies. Like a real one it keeps cookies by host, whatever the port.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
    page: Page,
}

/// A form, ready to be sent.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes.
    pub url: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

/// What a browser shows.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Where it came from.
    pub url: String,
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its HTML.
    pub body: String,
}

impl Browser {
    /// One without cookies.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it shows now.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Its cookies.
    pub fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// Opens a page.
    pub fn open(&mut self, url: &str) -> &Page {
        self.request(url, None);
        &self.page
    }

    /// Follows the link whose address begins with `start`.
    ///
    /// # Panics
    /// When the page has no such link.
    #[track_caller]
    pub fn follow(&mut self, start: &str) -> &Page {
        let links = attributes(&self.page.body, "href");
        let link = links.into_iter().find(|link| link.starts_with(start));
        let link = link.unwrap_or_else(|| panic!("no link to {start} on {}", self.page.text()));
        let url = absolute(&self.page.url, &link);
        self.open(&url)
    }

    /// Sends the page's only form, with its hidden fields and these.
    ///
    /// # Panics
    /// When the page has no form.
    #[track_caller]
    pub fn submit(&mut self, fields: &[(&str, &str)]) -> &Page {
        let (url, form) = self.filled_in(fields);
        self.request(&url, Some(&form));
        &self.page
    }

    /// The same, but stays where it is; returns where the answer leads.
    ///
    /// # Panics
    /// When the page has no form, or the answer is no redirect.
    #[track_caller]
    pub fn submit_without_following(&mut self, fields: &[(&str, &str)]) -> String {
        let (url, form) = self.filled_in(fields);
        let page = self.exchange(&url, Some(&form));
        let to = page.header("location").map(str::to_owned);
        absolute(
            &url,
            &to.unwrap_or_else(|| panic!("no redirect: {}", page.text())),
        )
    }

    /// The page's only form, with its hidden fields.
    ///
    /// # Panics
    /// When the page has no form.
    #[track_caller]
    pub fn form(&self) -> Form {
        self.form_of_page()
    }

    /// Sends a form that was caught, maybe in another browser, and follows where that leads.
    pub fn send(&mut self, form: &Form) -> &Page {
        self.request(&form.url, Some(&form.encoded()));
        &self.page
    }

    /// Opens a page that leads elsewhere, but stays where it is; returns where it leads.
    ///
    /// # Panics
    /// When the answer is no redirect.
    #[track_caller]
    pub fn redirect(&mut self, url: &str) -> String {
        let page = self.exchange(url, None);
        let to = page.header("location").map(str::to_owned);
        absolute(
            url,
            &to.unwrap_or_else(|| panic!("no redirect: {}", page.text())),
        )
    }

    /// Sends a form, as a program does that is no browser.
    pub fn post(&mut self, url: &str, form: &str) -> Page {
        self.exchange(url, Some(form))
    }

    #[track_caller]
    fn filled_in(&self, fields: &[(&str, &str)]) -> (String, String) {
        let mut form = self.form_of_page();
        let given = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        form.fields.extend(given);
        (form.url.clone(), form.encoded())
    }

    #[track_caller]
    fn form_of_page(&self) -> Form {
        let body = self.page.body.clone();
        let form = between(&body, "<form", "</form>")
            .unwrap_or_else(|| panic!("no form on {}", self.page.text()));
        let action = attributes(form, "action").into_iter().next();
        let url = absolute(&self.page.url, &action.unwrap_or_default());
        let hidden = form
            .split("<input")
            .filter(|input| input.contains("\"hidden\""));
        let fields = hidden
            .filter_map(|input| {
                let first = |name| attributes(input, name).into_iter().next();
                Some((first("name")?, first("value")?))
            })
            .collect();
        Form { url, fields }
    }

    fn request(&mut self, url: &str, form: Option<&str>) {
        let (mut url, mut form) = (url.to_owned(), form);
        for _ in 0..REDIRECTS_MAX {
            self.page = self.exchange(&url, form);
            let to = self.page.header("location").map(str::to_owned);
            match to {
                Some(to) if (300..400).contains(&self.page.status) => {
                    url = absolute(&url, &to);
                    form = None;
                }
                _ => return,
            }
        }
        panic!("too many redirects, the last to {url}");
    }

    fn exchange(&mut self, url: &str, form: Option<&str>) -> Page {
        let rest = url.strip_prefix("http://").expect("tests use plain HTTP");
        let authority = rest.split('/').next().unwrap_or_default();
        let origin = origin(&self.page.url);
        let is_cross_site = form.is_some() && origin != format!("http://{authority}");
        let site = if is_cross_site {
            "cross-site"
        } else {
            "same-origin"
        };
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .filter(|_| !is_cross_site)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("Cookie", cookies.as_str())];
        if form.is_some() {
            headers.extend([("Origin", origin.as_str()), ("Sec-Fetch-Site", site)]);
        }
        let page = Page::fetch(url, &headers, form);
        for (_, value) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = value.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        page
    }
}

impl Form {
    /// Puts another value in the place of a field's.
    ///
    /// # Panics
    /// When there is no such field.
    #[track_caller]
    pub fn set(&mut self, name: &str, value: &str) {
        let mut fields = self.fields.iter_mut();
        let field = fields.find(|(own, _)| own == name);
        let (_, own) = field.expect("the form has the field");
        value.clone_into(own);
    }

    /// A field's value.
    ///
    /// # Panics
    /// When there is no such field.
    #[track_caller]
    pub fn value(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        let field = fields.find(|(own, _)| own == name);
        &field.expect("the form has the field").1
    }

    /// As it is sent.
    pub fn encoded(&self) -> String {
        let encoded: Vec<String> = self
            .fields
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        encoded.join("&")
    }
}

impl Page {
    /// One request, with these headers and no cookies of anybody: a form is posted. Redirects are not followed.
    ///
    /// # Panics
    /// When nobody answers.
    #[track_caller]
    pub fn fetch(url: &str, headers: &[(&str, &str)], form: Option<&str>) -> Self {
        let rest = url.strip_prefix("http://").expect("tests use plain HTTP");
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let (method, body) = form.map_or(("GET", ""), |form| ("POST", form));
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        if form.is_some() {
            let _ = write!(
                request,
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            );
        }
        let _ = write!(request, "\r\n{body}");
        let mut stream = TcpStream::connect(authority).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        stream
            .write_all(request.as_bytes())
            .expect("the server reads");
        let mut answer = Vec::new();
        stream
            .read_to_end(&mut answer)
            .expect("the server answers in time");
        Self::parse(url, &String::from_utf8_lossy(&answer))
    }

    fn parse(url: &str, answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        Self {
            url: url.to_owned(),
            status: status.and_then(|status| status.parse().ok()).unwrap_or(0),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a hidden field of its first form.
    pub fn hidden(&self, name: &str) -> Option<String> {
        let key = format!("name=\"{name}\"");
        let input = self
            .body
            .split("<input")
            .find(|input| input.contains(&key))?;
        attributes(input, "value").into_iter().next()
    }

    /// What stands on it, without the tags.
    pub fn text(&self) -> String {
        let body = self.body.split_once("<body").map_or("", |(_, body)| body);
        let mut text = String::new();
        for piece in body.split('<') {
            text.push_str(piece.split_once('>').map_or("", |(_, text)| text));
            text.push(' ');
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ")
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let from = text.find(start)?;
    let rest = text.get(from..)?;
    rest.get(..rest.find(end)?)
}

/// The values of an attribute, in order.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let key = format!("{name}=\"");
    let values = html.split(&key).skip(1);
    let values = values.filter_map(|rest| rest.split('"').next());
    values
        .map(|value| {
            value
                .replace("&amp;", "&")
                .replace("&quot;", "\"")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
        })
        .collect()
}

fn absolute(base: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    if link.is_empty() {
        base.to_owned()
    } else if link.starts_with('?') {
        base.split('?').next().unwrap_or_default().to_owned() + link
    } else {
        origin(base) + link
    }
}

fn origin(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}
