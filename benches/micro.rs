//! What does a single step cost, with no network and no database around it? The decision, reading an authorization request, signing and
//! verifying, drawing a page. `cargo bench --bench micro`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use countersign::config::{Brand, SigningAlgorithm, Templates};
use countersign::directory::TwoFactor;
use countersign::keys::secret::entropy;
use countersign::keys::{Ring, SigningKeys, Vault};
use countersign::oidc::authorize::request::destination::ReturnTo;
use countersign::oidc::authorize::request::{AuthorizationRequest, ResponseMode};
use countersign::oidc::clients::{Client, Metadata};
use countersign::signin::decide::{Demand, Facts, Reach, Strength, decide};
use countersign::store::{Db, Options};
use countersign::web::form::Form;
use countersign::web::{Language, Pages, samples};
use divan::{Bencher, black_box};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const NOW: i64 = 1_800_000_000;
const REDIRECT_URI: &str = "https://app.example.org/callback";

fn main() {
    divan::main();
}

/// The next step of somebody whose group asks for a code, and who has given one.
#[divan::bench]
fn decision(bencher: Bencher) {
    let facts = Facts {
        two_factor: TwoFactor::On,
        overrides: false,
        reach: Reach::Email,
        demand: Demand::TwoFactors,
        codes_stopped: false,
        strength: Strength::Alone,
        password_at: NOW,
        code_at: None,
        skipped_at: None,
        hindrance: None,
    };
    bencher.bench(|| decide(black_box(Some(&facts))));
}

/// From the query string to the parsed request.
#[divan::bench]
fn authorization_request(bencher: Bencher) {
    let query = "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcallback&scope=openid+profile+email\
        &state=af0ifjsldkj&nonce=n-0S6_WzA2Mj&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
        &claims=%7B%22id_token%22%3A%7B%22acr%22%3A%7B%22essential%22%3Atrue%7D%7D%7D";
    let client = Client::unregistered("app", Metadata::web_app("App", vec![REDIRECT_URI.to_owned()]));
    let read = |query: &str| {
        let form = Form::parse(query).ok()?;
        let (redirect_uri, mode) = (REDIRECT_URI.to_owned(), ResponseMode::default());
        let to = ReturnTo { redirect_uri, implied: false, state: None, mode };
        AuthorizationRequest::parse(&form, &client, to, |_| None).ok()
    };
    assert!(read(query).is_some(), "the request is a good one");
    bencher.bench(|| read(black_box(query)));
}

/// A client as its row of the database holds it.
#[divan::bench]
fn client_metadata(bencher: Bencher) {
    let metadata = Metadata::web_app("App", vec![REDIRECT_URI.to_owned()]);
    let text = serde_json::to_string(&metadata).unwrap_or_default();
    bencher.bench(|| serde_json::from_str::<Metadata>(black_box(&text)).is_ok());
}

/// An access token, by the kept signer of each algorithm.
#[divan::bench(args = [SigningAlgorithm::RS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA])]
fn sign(bencher: Bencher, algorithm: SigningAlgorithm) {
    with_ring(bencher, |bencher, ring| {
        bencher.bench(|| ring.sign(algorithm, "at+jwt", black_box(&claims()), NOW).is_ok());
    });
}

/// A token of ours that is shown for the first time.
#[divan::bench(args = [SigningAlgorithm::RS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA])]
fn verify(bencher: Bencher, algorithm: SigningAlgorithm) {
    with_ring(bencher, |bencher, ring| {
        let number = AtomicU32::new(0);
        let next = || {
            let mut claims = claims();
            claims.insert("jti".to_owned(), number.fetch_add(1, Ordering::Relaxed).into());
            ring.sign(algorithm, "at+jwt", &claims, NOW).unwrap_or_default()
        };
        assert!(ring.verify(&next(), NOW).is_ok(), "it is ours");
        bencher.with_inputs(next).bench_refs(|token| ring.verify(token, NOW).is_ok());
    });
}

/// One that was shown a moment ago: its signature is known to be good.
#[divan::bench(args = [SigningAlgorithm::RS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA])]
fn verify_again(bencher: Bencher, algorithm: SigningAlgorithm) {
    with_ring(bencher, |bencher, ring| {
        let token = ring.sign(algorithm, "at+jwt", &claims(), NOW).unwrap_or_default();
        assert!(ring.verify(&token, NOW).is_ok(), "it is ours");
        bencher.bench(|| ring.verify(black_box(&token), NOW).is_ok());
    });
}

/// The login page.
#[divan::bench]
fn password_page(bencher: Bencher) {
    draw(bencher, |pages| pages.html(&samples::password("ned", None), Language::default()).is_ok());
}

/// The code page.
#[divan::bench]
fn code_page(bencher: Bencher) {
    draw(bencher, |pages| pages.html(&samples::code("ned"), Language::default()).is_ok());
}

fn draw(bencher: Bencher, once: impl Fn(&Pages) -> bool + Sync) {
    match Pages::new(&Brand::default(), &Templates::default()) {
        Ok(pages) => bencher.bench(|| assert!(once(&pages), "the page is drawn")),
        Err(error) => eprintln!("the templates: {error}"),
    }
}

fn claims() -> Map<String, Value> {
    let claims = json!({
        "iss": "https://login.example.org", "sub": "5jbphs2kzqeyoqirasnvk4w2wu", "aud": "https://login.example.org", "client_id": "app",
        "scope": "openid profile email", "iat": NOW, "exp": NOW + 600, "jti": "wfrlf6d7tymdc6ahccz2wyyhvy"
    });
    claims.as_object().cloned().unwrap_or_default()
}

/// Keys as the program makes them, in a database that goes with the bench.
fn with_ring(bencher: Bencher, then: impl FnOnce(Bencher, &Ring)) {
    match ring() {
        Ok((ring, _folder)) => then(bencher, &ring),
        Err(error) => eprintln!("the keys: {error:#}"),
    }
}

fn ring() -> anyhow::Result<(Arc<Ring>, TempDir)> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ring = runtime.block_on(async {
        let url = format!("sqlite:{}", folder.path().join("countersign.db").display());
        let db = Db::open_or_make(&Options { url, max_connections: 1 }).await?;
        db.migrate().await?;
        let vault = Vault::open_or_create(folder.path(), &mut entropy())?;
        // Keys sign from some time after they have been published; `NOW` is later than that.
        SigningKeys::new(db, vault).ring(NOW - 86_400).await.context("keys")
    })?;
    Ok((ring, folder))
}
