//! How is a provider served whose issuer has a path? As if it had none, whether the proxy before it takes the path off or not.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::uri::{PathAndQuery, Uri};
use tower::ServiceExt as _;

/// The routes of an issuer with this path.
pub(super) fn below(path: &str, router: Router) -> Router {
    if path.is_empty() {
        return router;
    }
    let path: Arc<str> = path.into();
    let within = router.map_request(move |mut request: Request| {
        if let Some(uri) = inner(&path, request.uri()) {
            *request.uri_mut() = uri;
        }
        request
    });
    Router::new().fallback_service(within)
}

/// The address below the path; none when it has been taken off already.
fn inner(path: &str, uri: &Uri) -> Option<Uri> {
    let route = route(path, uri.path())?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{route}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// `/auth/token` is `/token`, and so is what RFC 8414 §3.1 makes of discovery: `/.well-known/oauth-authorization-server/auth`.
fn route<'a>(path: &str, asked: &'a str) -> Option<&'a str> {
    if asked.starts_with("/.well-known/") {
        return asked.strip_suffix(path).filter(|document| document.split('/').count() == 3);
    }
    match asked.strip_prefix(path)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_below_the_path() {
        for (asked, found) in [
            ("/auth/token", Some("/token")),
            ("/auth/authorize/x/password", Some("/authorize/x/password")),
            ("/auth/.well-known/openid-configuration", Some("/.well-known/openid-configuration")),
            ("/auth", Some("/")),
            ("/auth/", Some("/")),
            ("/auth//token", Some("//token")),
            ("/.well-known/oauth-authorization-server/auth", Some("/.well-known/oauth-authorization-server")),
            ("/.well-known/openid-configuration/auth", Some("/.well-known/openid-configuration")),
            // The proxy has taken the path off, or it is none of ours.
            ("/token", None),
            ("/", None),
            ("/authorize", None),
            ("/.well-known/openid-configuration", None),
            ("/.well-known/x/y/auth", None),
        ] {
            assert_eq!(route("/auth", asked), found, "{asked}");
        }
        assert_eq!(route("/a/b", "/a/b/token"), Some("/token"));
        let uri = "/auth/authorize?client_id=a&state=%2Fauth".parse().unwrap();
        assert_eq!(inner("/auth", &uri).unwrap(), "/authorize?client_id=a&state=%2Fauth");
    }
}
