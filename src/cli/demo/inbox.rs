//! Which mails has the provider sent? Pages that show the demo's inbox as it fills.

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use url::Url;

use super::html::{escape, escape_with_links, page, protect, stylesheet, time_of_day};
use super::letter::{Inbox, Letter};

/// How often the list asks again, in seconds.
const REFRESH: &str = "3";

const POLICY: &str = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// For the HTML of a mail: it may look as it likes, and do nothing but open links in new windows.
const MAIL_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
                           style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The inbox at `base_url`.
///
/// # Errors
/// Never with a policy that is a header value.
pub fn router(inbox: Inbox, base_url: &Url) -> anyhow::Result<Router> {
    let pages = Router::new()
        .route("/", get(list))
        .route("/messages/{number}", get(message))
        .route("/messages/{number}/html", get(message_html))
        .route("/style.css", get(|| async { stylesheet(STYLE) }))
        .fallback(|| async { not_found() })
        .with_state(inbox);
    protect(pages, base_url, POLICY)
}

/// `GET /`: newest first; `?still` does not ask again by itself.
async fn list(State(inbox): State<Inbox>, RawQuery(query): RawQuery) -> Response {
    let still = query.as_deref() == Some("still");
    let letters = inbox.newest_first();
    let shown: String = letters.iter().map(|letter| article(letter)).collect();
    let empty = "<p class=\"empty\">No mail yet. Sign in to Time Tracker as <strong>ned</strong>, and his code arrives here.</p>";
    let pause = if still {
        "This page stands still. <a href=\"/\">Let it refresh itself</a>"
    } else {
        "This page refreshes itself every 3 seconds. <a href=\"/?still\">Keep it still</a>"
    };
    let main = format!(
        "<h1>Inbox</h1><p class=\"lead\">Everything that the provider mails to anybody in this demo. {pause}</p>{}",
        if letters.is_empty() { empty } else { &shown }
    );
    let mut response = page(StatusCode::OK, whole(&count(letters.len()), &main));
    if !still {
        // The header, and not <meta>: a page that is being read must have a way to stand still, and has one above.
        response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(REFRESH));
    }
    response
}

fn count(letters: usize) -> String {
    if letters == 0 { "Inbox".to_owned() } else { format!("Inbox ({letters})") }
}

/// `GET /messages/{number}`
async fn message(State(inbox): State<Inbox>, Path(number): Path<String>) -> Response {
    let Some(letter) = number.parse().ok().and_then(|number| inbox.find(number)) else { return not_found() };
    let rich = letter.html.as_ref().map_or_else(String::new, |_| {
        format!(
            "<h2>As HTML</h2><iframe src=\"/messages/{}/html\" title=\"The message as HTML\" \
             sandbox=\"allow-popups allow-popups-to-escape-sandbox\"></iframe>",
            letter.number
        )
    });
    let main = format!(
        "<p><a href=\"/\">All messages</a></p><h1>{}</h1>{}<h2>As text</h2><pre>{}</pre>{rich}",
        subject(&letter),
        facts(&letter),
        escape_with_links(letter.text.trim_end())
    );
    page(StatusCode::OK, whole(&letter.subject, &main))
}

/// `GET /messages/{number}/html`: what a mail program would show.
async fn message_html(State(inbox): State<Inbox>, Path(number): Path<String>) -> Response {
    let found = number.parse().ok().and_then(|number| inbox.find(number));
    let Some(html) = found.as_ref().and_then(|letter| letter.html.as_deref()) else { return not_found() };
    // Within the frame no page but this one would show.
    let html = html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let mut response = page(StatusCode::OK, html);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_POLICY));
    response
}

fn not_found() -> Response {
    let main = "<h1>No such message</h1><p>Only the last 200 are kept. <a href=\"/\">All messages</a></p>";
    page(StatusCode::NOT_FOUND, whole("No such message", main)).into_response()
}

fn article(letter: &Letter) -> String {
    format!(
        "<article><h2><a href=\"/messages/{}\">{}</a></h2>{}<pre>{}</pre></article>",
        letter.number,
        subject(letter),
        facts(letter),
        escape_with_links(letter.text.trim_end())
    )
}

fn subject(letter: &Letter) -> String {
    if letter.subject.trim().is_empty() { "(no subject)".to_owned() } else { escape(&letter.subject) }
}

fn facts(letter: &Letter) -> String {
    format!(
        "<p class=\"facts\">To <strong>{}</strong> from {} at {}</p>",
        escape(&letter.to.join(", ")),
        escape(&letter.from),
        time_of_day(letter.arrived_at)
    )
}

fn whole(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{} · Countersign demo</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n\
         <header><p>Countersign demo mail</p></header>\n<main>\n{main}\n</main>\n</body>\n</html>\n",
        escape(title)
    )
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b2733;--soft:#4c5c6c;--paper:#edf1f5;--card:#fff;--line:#d3dce5;--link:#174f86}
@media (prefers-color-scheme:dark){:root{--ink:#e3eaf1;--soft:#a5b4c3;--paper:#10161c;--card:#18212a;--line:#2b3845;--link:#8cc2f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif}
header,main{max-inline-size:46rem;margin-inline:auto;padding:0 1rem}
header p{margin:1.25rem 0 0;font-weight:600;color:var(--soft)}
main{padding-block-end:3rem}
h1{font-size:1.6rem;line-height:1.25;margin:.25rem 0;overflow-wrap:anywhere}
h2{font-size:1.125rem;margin:0;overflow-wrap:anywhere}
main>h2{margin:1.5rem 0 .5rem}
.lead,.facts{color:var(--soft);overflow-wrap:anywhere}
.facts{margin:.15rem 0 .75rem;font-size:.9375rem}
.facts strong{color:var(--ink)}
article,.empty{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:1rem 1.1rem;margin:0 0 1rem}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font:.9375rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
main>pre{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:1rem 1.1rem}
iframe{display:block;inline-size:100%;block-size:34rem;border:1px solid var(--line);border-radius:.7rem;background:Canvas}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
";

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    async fn get_page(inbox: &Inbox, path: &str) -> (StatusCode, axum::http::HeaderMap, String) {
        let base = Url::parse("http://localhost:8082/").unwrap();
        let request = Request::get(path).header("host", "localhost:8082").body(Body::empty()).unwrap();
        let response = router(inbox.clone(), &base).unwrap().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    fn letter(subject: &str, text: &str) -> Letter {
        Letter {
            subject: subject.to_owned(),
            text: text.to_owned(),
            to: vec!["ned@acme.example".to_owned()],
            html: Some("<html><head></head><script>x</script>".to_owned()),
            ..Letter::default()
        }
    }

    #[tokio::test]
    async fn the_newest_message_comes_first_and_nothing_in_it_is_markup() {
        let inbox = Inbox::default();
        inbox.put(letter("First", "one"));
        inbox.put(letter("<b>Second</b>", "<script> http://localhost:8080/reset?a=1&b=2"));
        let (status, headers, html) = get_page(&inbox, "/").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["refresh"], "3");
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        assert!(html.find("&lt;b&gt;Second").unwrap() < html.find("First").unwrap());
        assert!(html.contains("&lt;script&gt; <a href=\"http://localhost:8080/reset?a=1&amp;b=2\""));
        assert!(!html.contains("<script"));
        assert!(!get_page(&inbox, "/?still").await.1.contains_key("refresh"));
    }

    #[tokio::test]
    async fn the_html_of_a_mail_is_shown_in_a_sandbox_only() {
        let inbox = Inbox::default();
        inbox.put(letter("Code", "123456"));
        let (_, _, html) = get_page(&inbox, "/messages/1").await;
        assert!(html.contains("<iframe src=\"/messages/1/html\"") && !html.contains("<script"));
        let (_, headers, _) = get_page(&inbox, "/messages/1/html").await;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("sandbox ") && !policy.contains("allow-scripts"), "{policy}");
        for path in ["/messages/2", "/messages/x/html", "/else"] {
            assert_eq!(get_page(&inbox, path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn another_name_of_this_machine_leads_to_the_right_one() {
        let base = Url::parse("http://localhost:8082/").unwrap();
        let request = Request::get("/").header("host", "rebound.example").body(Body::empty()).unwrap();
        let response = router(Inbox::default(), &base).unwrap().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["location"], "http://localhost:8082/");
    }
}
