//! What does somebody copy into a known app? One file an app below `recipes`, with places for what is this provider's and this
//! client's; the command line and the console read the same.

use super::{AuthMethod, Client, Metadata};

/// An app that there is a recipe for.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Its word: `grafana`.
    pub name: &'static str,
    /// Its own name, as people know it.
    pub title: &'static str,
    /// What its redirect URI has behind the app's address; none where each is different.
    pub callback: Option<&'static str>,
    /// Whether it reads the ID token alone.
    pub id_token_claims: bool,
    /// Whether it keeps no secret.
    pub public: bool,
    /// How it sends its secret; none where it tries both ways, or where nobody knows.
    pub method: Option<AuthMethod>,
    /// Where it has people come back to once they have signed out, behind its address.
    after_sign_out: Option<&'static str>,
    /// Where it hears that somebody has signed out, behind its address (OpenID Connect Back-Channel Logout 1.0 §2.2).
    hears_of_sign_outs: Option<&'static str>,
    /// How a line that only people read begins in it.
    comment: &'static str,
    text: &'static str,
}

const fn app(name: &'static str, title: &'static str, text: &'static str) -> Recipe {
    Recipe {
        name,
        title,
        callback: None,
        id_token_claims: false,
        public: false,
        method: None,
        after_sign_out: None,
        hears_of_sign_outs: None,
        comment: "#",
        text,
    }
}

impl Recipe {
    const fn at(self, callback: &'static str) -> Self {
        Self { callback: Some(callback), ..self }
    }

    const fn reads_id_tokens(self) -> Self {
        Self { id_token_claims: true, ..self }
    }

    const fn without_secret(self) -> Self {
        Self { public: true, ..self }
    }

    const fn proves_itself_by(self, method: AuthMethod) -> Self {
        Self { method: Some(method), ..self }
    }

    const fn signs_out_to(self, path: &'static str) -> Self {
        Self { after_sign_out: Some(path), ..self }
    }

    const fn hears_of_sign_outs_at(self, path: &'static str) -> Self {
        Self { hears_of_sign_outs: Some(path), ..self }
    }

    const fn comments(self, comment: &'static str) -> Self {
        Self { comment, ..self }
    }
}

/// All of them: what fits everything first, then by name.
pub const RECIPES: [Recipe; 19] = [
    app("timetracker", "Time Tracker", include_str!("recipes/timetracker.txt"))
        .at("/oidc.php")
        .proves_itself_by(AuthMethod::ClientSecretBasic)
        .signs_out_to("/oidc.php")
        .hears_of_sign_outs_at("/oidc.php")
        .comments("//"),
    app("env", "An app that reads its settings from the environment", include_str!("recipes/env.txt")),
    app("argocd", "Argo CD", include_str!("recipes/argocd.txt")).at("/auth/callback").reads_id_tokens(),
    app("authjs", "Auth.js (NextAuth)", include_str!("recipes/authjs.txt"))
        .at("/api/auth/callback/countersign")
        .reads_id_tokens()
        .proves_itself_by(AuthMethod::ClientSecretBasic)
        .comments("//"),
    app("bookstack", "BookStack", include_str!("recipes/bookstack.txt"))
        .at("/oidc/callback")
        .reads_id_tokens()
        .proves_itself_by(AuthMethod::ClientSecretBasic),
    app("gitea", "Gitea or Forgejo", include_str!("recipes/gitea.txt"))
        .at("/user/oauth2/countersign/callback"),
    app("gitlab", "GitLab", include_str!("recipes/gitlab.txt"))
        .at("/users/auth/openid_connect/callback")
        .proves_itself_by(AuthMethod::ClientSecretPost),
    app("grafana", "Grafana", include_str!("recipes/grafana.txt")).at("/login/generic_oauth"),
    app("kubernetes", "Kubernetes (kubectl)", include_str!("recipes/kubernetes.txt"))
        .reads_id_tokens()
        .without_secret(),
    app("miniflux", "Miniflux", include_str!("recipes/miniflux.txt")).at("/oauth2/oidc/callback"),
    app("nextcloud", "Nextcloud", include_str!("recipes/nextcloud.txt"))
        .at("/apps/user_oidc/code")
        .proves_itself_by(AuthMethod::ClientSecretPost)
        .signs_out_to("/"),
    app("oauth2-proxy", "OAuth2 Proxy", include_str!("recipes/oauth2-proxy.txt")).at("/oauth2/callback"),
    app("outline", "Outline", include_str!("recipes/outline.txt"))
        .at("/auth/oidc.callback")
        .proves_itself_by(AuthMethod::ClientSecretPost),
    app("passport", "An Express app with Passport", include_str!("recipes/passport.txt"))
        .reads_id_tokens()
        .proves_itself_by(AuthMethod::ClientSecretPost)
        .comments("//"),
    app("php", "A PHP app", include_str!("recipes/php.txt")).proves_itself_by(AuthMethod::ClientSecretBasic),
    app("proxmox", "Proxmox VE", include_str!("recipes/proxmox.txt"))
        .at("")
        .proves_itself_by(AuthMethod::ClientSecretBasic),
    app("streamlit", "Streamlit", include_str!("recipes/streamlit.txt"))
        .at("/oauth2callback")
        .reads_id_tokens()
        .proves_itself_by(AuthMethod::ClientSecretBasic),
    app("synapse", "Matrix Synapse", include_str!("recipes/synapse.txt"))
        .at("/_synapse/client/oidc/callback")
        .reads_id_tokens()
        .proves_itself_by(AuthMethod::ClientSecretBasic),
    app("vault", "HashiCorp Vault", include_str!("recipes/vault.txt"))
        .at("/ui/vault/auth/oidc/oidc/callback"),
];

impl Recipe {
    /// The recipe of this word.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }

    /// What is registered for such an app.
    #[must_use]
    pub fn metadata(&self, name: &str, redirect_uris: Vec<String>) -> Metadata {
        let addresses: Vec<String> = redirect_uris.iter().filter_map(|uri| self.address(uri)).collect();
        let mut metadata = Metadata::web_app(name, redirect_uris);
        if let Some(path) = self.after_sign_out {
            metadata.post_logout_redirect_uris =
                addresses.iter().map(|address| format!("{address}{path}")).collect();
        }
        metadata.backchannel_logout_uri =
            self.hears_of_sign_outs.zip(addresses.first()).map(|(path, address)| format!("{address}{path}"));
        metadata.id_token_claims = self.id_token_claims;
        match self.method {
            _ if self.public => metadata.token_endpoint_auth_method = AuthMethod::None,
            Some(method) => metadata.token_endpoint_auth_method = method,
            None => metadata.any_secret_method = true,
        }
        metadata
    }

    /// The app's own address, as its redirect URI has it; none where that is none.
    fn address(&self, redirect: &str) -> Option<String> {
        if let Some(address) = self.callback.and_then(|callback| redirect.strip_suffix(callback)) {
            return Some(address.trim_end_matches('/').to_owned()).filter(|address| address.contains("://"));
        }
        let url = url::Url::parse(redirect).ok()?;
        url.has_host().then(|| url.origin().ascii_serialization())
    }

    /// The set-up to be copied, for this client: with its secret where that is at hand, which it is only when it has just been made.
    #[must_use]
    pub fn filled(&self, issuer: &str, client: &Client, secret: Option<&str>) -> String {
        let metadata = &client.metadata;
        let redirect = metadata.redirect_uris.first().map_or("(register one)", String::as_str);
        let secret = match (metadata.token_endpoint_auth_method, secret) {
            (AuthMethod::None, _) => "(none: a public client)",
            (_, Some(secret)) => secret,
            (_, None) => "(the client_secret that was shown when the client was added)",
        };
        let (comment, id) = (self.comment, &client.id);
        let mut text = String::new();
        let mut once = |why: &str, option: &str| {
            text.extend([
                comment,
                " This app ",
                why,
                ". Once: countersign client set ",
                id,
                " ",
                option,
                "\n",
            ]);
        };
        if self.id_token_claims && !metadata.id_token_claims {
            once("reads the ID token alone", "--id-token-claims");
        }
        let refused = self.method.filter(|method| !self.public && !metadata.takes_secret_by(*method));
        if let Some(method) = refused.map(AuthMethod::name) {
            once(&format!("proves itself by {method} alone"), &format!("--auth-method {method}"));
        }
        let address = self.address(redirect);
        let behind = |path: &str| format!("{}{path}", address.as_deref().unwrap_or("https://YOUR.APP"));
        if let Some(to) = self.after_sign_out.map(behind)
            && metadata.post_logout_redirect_uris.is_empty()
        {
            once(
                "sends people back to itself when they have signed out",
                &format!("--post-logout-redirect-uri {to}"),
            );
        }
        if let Some(at) = self.hears_of_sign_outs.map(behind)
            && metadata.backchannel_logout_uri.is_none()
        {
            once("wants to hear when somebody signs out", &format!("--backchannel-logout-uri {at}"));
        }
        text + &self
            .text
            .replace("@ISSUER@", issuer)
            .replace("@CLIENT_ID@", &client.id)
            .replace("@REDIRECT_URI@", redirect)
            .replace("@APP@", &behind(""))
            .replace("@CLIENT_SECRET@", secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_is_filled_to_its_last_place() {
        for recipe in &RECIPES {
            let client = Client::unregistered(
                "the-id",
                recipe.metadata("App", vec!["https://app.example/cb".to_owned()]),
            );
            let text = recipe.filled("https://login.example.org", &client, Some("the-secret"));
            assert!(text.contains("https://login.example.org") && text.contains("the-id"), "{text}");
            assert!(!text.contains('@') && text.ends_with('\n'), "{text}");
            assert_eq!(text.contains("the-secret"), !recipe.public, "{text}");
            assert!(!text.contains("This app "), "it was registered as the app needs it: {text}");
            assert_eq!(
                recipe.metadata("App", Vec::new()).any_secret_method,
                !recipe.public && recipe.method.is_none()
            );
            assert!(Recipe::of(recipe.name).is_some_and(|found| found.title == recipe.title));
        }
        assert!(Recipe::of("fax").is_none());
    }

    /// What each app does by itself, as its own documentation or its library has it: whoever takes more takes it from nobody.
    #[test]
    fn whoever_proves_itself_in_one_way_is_registered_for_that_way_alone() {
        let either = ["env", "argocd", "gitea", "grafana", "miniflux", "oauth2-proxy", "vault"];
        let in_the_body = ["gitlab", "nextcloud", "outline", "passport"];
        for recipe in &RECIPES {
            let metadata = recipe.metadata("App", Vec::new());
            let takes = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost]
                .map(|method| metadata.takes_secret_by(method));
            let expected = match recipe.name {
                "kubernetes" => [false, false],
                name if either.contains(&name) => [true, true],
                name if in_the_body.contains(&name) => [false, true],
                _ => [true, false],
            };
            assert_eq!(takes, expected, "{}", recipe.name);
        }
    }

    #[test]
    fn what_is_known_of_the_apps_address_is_filled_in() {
        for (name, redirect, expected) in [
            (
                "synapse",
                "https://m.example.org/_synapse/client/oidc/callback",
                "is https://m.example.org/_synapse/client/oidc/callback\n",
            ),
            ("argocd", "https://cd.example.org/auth/callback", "is https://cd.example.org/auth/callback\n"),
        ] {
            let recipe = Recipe::of(name).unwrap();
            let client = Client::unregistered("the-id", recipe.metadata("App", vec![redirect.to_owned()]));
            let text = recipe.filled("https://login.example.org", &client, None);
            assert!(text.contains(expected) && !text.contains("YOUR"), "{text}");
        }
    }

    #[test]
    fn where_people_sign_out_to_is_registered_with_the_app_and_said_where_it_is_not() {
        for (name, redirect, after, heard) in [
            (
                "nextcloud",
                "https://cloud.example.org/nc/apps/user_oidc/code",
                "https://cloud.example.org/nc/",
                None,
            ),
            ("nextcloud", "https://cloud.example.org/cb", "https://cloud.example.org/", None),
            (
                "timetracker",
                "https://time.example.org/oidc.php",
                "https://time.example.org/oidc.php",
                Some("https://time.example.org/oidc.php"),
            ),
        ] {
            let recipe = Recipe::of(name).unwrap();
            let metadata = recipe.metadata("App", vec![redirect.to_owned()]);
            assert_eq!(metadata.post_logout_redirect_uris, [after], "{name}");
            assert_eq!(metadata.backchannel_logout_uri.as_deref(), heard, "{name}");
            let text = |metadata| {
                let client = Client::unregistered("the-id", metadata);
                recipe.filled("https://login.example.org", &client, None)
            };
            assert!(!text(metadata).contains("client set"), "{name}");
            let text = text(Metadata::web_app("App", vec![redirect.to_owned()]));
            assert!(text.contains(&format!("--post-logout-redirect-uri {after}\n")), "{text}");
            assert_eq!(text.contains("--backchannel-logout-uri"), heard.is_some(), "{text}");
        }
    }

    #[test]
    fn a_client_of_another_kind_is_told_what_the_app_needs() {
        let grafana = Recipe::of("grafana").unwrap().metadata("App", Vec::new());
        let client = Client::unregistered("the-id", grafana);
        let text = Recipe::of("passport").unwrap().filled("https://login.example.org", &client, None);
        assert!(text.starts_with("// This app reads the ID token alone."), "{text}");
        assert!(text.contains("(the client_secret that was shown"), "{text}");
        let php = Recipe::of("php").unwrap();
        let client = Client::unregistered("the-id", php.metadata("App", Vec::new()));
        let text = Recipe::of("outline").unwrap().filled("https://login.example.org", &client, None);
        assert!(text.starts_with("# This app proves itself by client_secret_post alone."), "{text}");
        assert!(text.contains("countersign client set the-id --auth-method client_secret_post"), "{text}");
    }
}
