//! Which cookies does a browser send? Name, value and path of each; the provider is one host, and nothing expires while one watches.

/// A browser's cookies of one host.
#[derive(Clone, Debug, Default)]
pub struct Jar(Vec<Cookie>);

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    path: String,
}

impl Jar {
    /// Keeps what a `Set-Cookie` header of the page at this path says, or forgets the cookie that it deletes (RFC 6265 §5.3).
    pub fn keep(&mut self, header: &str, page: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (mut path, mut over) = (default_path(page), false);
        for (attribute, value) in parts.map(|part| part.split_once('=').unwrap_or((part, ""))) {
            match attribute.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => path = value,
                "max-age" => over = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
                // How Express and others delete a cookie.
                "expires" => over |= value.contains("1970"),
                _ => {}
            }
        }
        self.0.retain(|cookie| cookie.name != name || cookie.path != path);
        if !over {
            let [name, value, path] = [name, value, path].map(str::to_owned);
            self.0.push(Cookie { name, value, path });
        }
    }

    /// The `Cookie` header for this path, if there is one.
    #[must_use]
    pub fn header(&self, path: &str) -> Option<String> {
        let path = path.split('?').next().unwrap_or_default();
        let sent = self.0.iter().filter(|cookie| covers(&cookie.path, path));
        let pairs: Vec<String> = sent.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// RFC 6265 §5.1.4.
fn default_path(page: &str) -> &str {
    let path = page.split('?').next().unwrap_or_default();
    match path.rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder,
        _ => "/",
    }
}

fn covers(cookie: &str, path: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::Jar;

    #[test]
    fn cookies_are_kept_replaced_and_deleted() {
        let steps = [
            ("a=1; Path=/; HttpOnly", Some("a=1")),
            ("b=2=2; path=/; SameSite=Lax", Some("a=1; b=2=2")),
            ("a=3; Path=/", Some("b=2=2; a=3")),
            ("a=; Path=/; Max-Age=0", Some("b=2=2")),
            ("nonsense", Some("b=2=2")),
            ("b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
        ];
        let mut jar = Jar::default();
        for (header, expected) in steps {
            jar.keep(header, "/page");
            assert_eq!(jar.header("/page").as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn a_cookie_is_sent_below_its_path_alone() {
        let mut jar = Jar::default();
        jar.keep("step=1; Path=/interaction/x", "/");
        jar.keep("page=2", "/auth/x/y?z");
        let cases = [
            ("/interaction/x", Some("step=1")),
            ("/interaction/x/login?y=1", Some("step=1")),
            ("/interaction/xy", None),
            ("/auth/x", Some("page=2")),
            ("/auth", None),
        ];
        for (path, expected) in cases {
            assert_eq!(jar.header(path).as_deref(), expected, "{path}");
        }
    }
}
