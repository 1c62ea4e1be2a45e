//! `client recipe`: what does a developer copy into their app?

use anyhow::bail;

use crate::oidc::clients::{AuthMethod, Client};

/// The apps that there is a recipe for.
const APPS: [&str; 12] = [
    "timetracker",
    "env",
    "argocd",
    "authjs",
    "gitea",
    "grafana",
    "kubernetes",
    "nextcloud",
    "passport",
    "php",
    "streamlit",
    "synapse",
];

/// The set-up of a known app, to be copied.
pub(super) fn recipe(app: &str, issuer: &str, client: &Client) -> anyhow::Result<String> {
    let id = &client.id;
    let redirect = client.metadata.redirect_uris.first().map_or("(register one)", String::as_str);
    let secret = match client.metadata.token_endpoint_auth_method {
        AuthMethod::None => "(none: a public client)",
        _ => "(the client_secret that was shown when the client was added)",
    };
    let claims = if client.metadata.id_token_claims {
        String::new()
    } else {
        format!("# This app reads the ID token alone. Once: countersign client set {id} --id-token-claims\n")
    };
    let text = match app {
        "env" => env(issuer, id, secret, redirect),
        "timetracker" | "php" => php(issuer, id, secret, redirect),
        "grafana" => grafana(issuer, id, secret),
        "gitea" => gitea(issuer, id, secret),
        "nextcloud" => nextcloud(issuer, id, secret),
        "kubernetes" => claims + &kubernetes(issuer, id),
        "authjs" => claims.replace('#', "//") + &authjs(issuer, id, secret),
        "streamlit" => claims + &streamlit(issuer, id, secret, redirect),
        "passport" => claims.replace('#', "//") + &passport(issuer, id, secret, redirect),
        "synapse" => claims + &synapse(issuer, id, secret),
        "argocd" => claims + &argocd(issuer, id, secret),
        other => {
            bail!("there is no recipe for {other}: choose one of {}", APPS.join(", "))
        }
    };
    Ok(text)
}

fn env(issuer: &str, id: &str, secret: &str, redirect: &str) -> String {
    format!(
        "OIDC_ISSUER={issuer}\n\
         OIDC_DISCOVERY_URL={issuer}/.well-known/openid-configuration\n\
         OIDC_CLIENT_ID={id}\n\
         OIDC_CLIENT_SECRET={secret}\n\
         OIDC_REDIRECT_URI={redirect}\n\
         OIDC_SCOPES=\"openid profile email groups offline_access\"\n"
    )
}

fn php(issuer: &str, id: &str, secret: &str, redirect: &str) -> String {
    format!(
        "<?php\n\
         // composer require jumbojett/openid-connect-php\n\
         require 'vendor/autoload.php';\n\
         \n\
         $oidc = new Jumbojett\\OpenIDConnectClient('{issuer}', '{id}', '{secret}');\n\
         $oidc->setRedirectURL('{redirect}');\n\
         $oidc->addScope(['profile', 'email', 'groups']);\n\
         $oidc->setCodeChallengeMethod('S256');\n\
         $oidc->authenticate();\n\
         \n\
         // preferred_username is the login: look the user up by it. sub never changes.\n\
         $login = $oidc->requestUserInfo('preferred_username');\n\
         // How they signed in: [\"pwd\"] or [\"pwd\", \"otp\", \"mfa\"].\n\
         $amr = $oidc->getVerifiedClaims('amr');\n"
    )
}

fn grafana(issuer: &str, id: &str, secret: &str) -> String {
    format!(
        "[auth.generic_oauth]\n\
         enabled = true\n\
         name = Countersign\n\
         client_id = {id}\n\
         client_secret = {secret}\n\
         scopes = openid profile email groups offline_access\n\
         auth_url = {issuer}/authorize\n\
         token_url = {issuer}/token\n\
         api_url = {issuer}/userinfo\n\
         login_attribute_path = preferred_username\n\
         groups_attribute_path = groups\n\
         use_pkce = true\n\
         use_refresh_token = true\n"
    )
}

fn gitea(issuer: &str, id: &str, secret: &str) -> String {
    format!(
        "gitea admin auth add-oauth \\\n\
         \x20 --name countersign \\\n\
         \x20 --provider openidConnect \\\n\
         \x20 --key '{id}' \\\n\
         \x20 --secret '{secret}' \\\n\
         \x20 --auto-discover-url '{issuer}/.well-known/openid-configuration' \\\n\
         \x20 --scopes 'openid profile email groups' \\\n\
         \x20 --group-claim-name groups\n"
    )
}

fn nextcloud(issuer: &str, id: &str, secret: &str) -> String {
    format!(
        "php occ user_oidc:provider countersign \\\n\
         \x20 --clientid='{id}' \\\n\
         \x20 --clientsecret='{secret}' \\\n\
         \x20 --discoveryuri='{issuer}/.well-known/openid-configuration' \\\n\
         \x20 --scope='openid profile email groups' \\\n\
         \x20 --mapping-uid=sub \\\n\
         \x20 --mapping-display-name=name \\\n\
         \x20 --mapping-groups=groups\n"
    )
}

fn kubernetes(issuer: &str, id: &str) -> String {
    format!(
        "# kube-apiserver --authentication-config=FILE; issuer has to begin with https\n\
         apiVersion: apiserver.config.k8s.io/v1\n\
         kind: AuthenticationConfiguration\n\
         jwt:\n\
         - issuer:\n\
         \x20   url: {issuer}\n\
         \x20   audiences: [\"{id}\"]\n\
         \x20 claimMappings:\n\
         \x20   username: {{claim: preferred_username, prefix: \"oidc:\"}}\n\
         \x20   groups: {{claim: groups, prefix: \"oidc:\"}}\n\
         # kubectl oidc-login setup --oidc-issuer-url={issuer} --oidc-client-id={id} \\\n\
         #   --oidc-extra-scope=profile,groups,offline_access\n"
    )
}

fn authjs(issuer: &str, id: &str, secret: &str) -> String {
    format!(
        "// auth.ts; the redirect URI ends in /api/auth/callback/countersign\n\
         providers: [{{\n\
         \x20 id: 'countersign',\n\
         \x20 name: 'Countersign',\n\
         \x20 type: 'oidc',\n\
         \x20 issuer: '{issuer}',\n\
         \x20 clientId: '{id}',\n\
         \x20 clientSecret: '{secret}',\n\
         \x20 authorization: {{ params: {{ scope: 'openid profile email groups' }} }},\n\
         \x20 checks: ['pkce', 'state', 'nonce'],\n\
         }}]\n"
    )
}

fn streamlit(issuer: &str, id: &str, secret: &str, redirect: &str) -> String {
    format!(
        "# .streamlit/secrets.toml; the redirect URI ends in /oauth2callback\n\
         [auth]\n\
         redirect_uri = \"{redirect}\"\n\
         cookie_secret = \"(a long random text)\"\n\
         client_id = \"{id}\"\n\
         client_secret = \"{secret}\"\n\
         server_metadata_url = \"{issuer}/.well-known/openid-configuration\"\n\
         client_kwargs = {{ scope = \"openid profile email groups\", prompt = \"\" }}\n"
    )
}

fn passport(issuer: &str, id: &str, secret: &str, redirect: &str) -> String {
    format!(
        "// npm install passport-openidconnect\n\
         passport.use(new OpenIDConnectStrategy({{\n\
         \x20 issuer: '{issuer}',\n\
         \x20 authorizationURL: '{issuer}/authorize',\n\
         \x20 tokenURL: '{issuer}/token',\n\
         \x20 userInfoURL: '{issuer}/userinfo',\n\
         \x20 clientID: '{id}',\n\
         \x20 clientSecret: '{secret}',\n\
         \x20 callbackURL: '{redirect}',\n\
         \x20 scope: ['profile', 'email', 'groups'],\n\
         }}, (issuer, profile, done) => done(null, profile)));\n"
    )
}

fn synapse(issuer: &str, id: &str, secret: &str) -> String {
    format!(
        "# homeserver.yaml; the redirect URI is https://YOUR.SERVER/_synapse/client/oidc/callback\n\
         oidc_providers:\n\
         \x20 - idp_id: countersign\n\
         \x20   idp_name: Countersign\n\
         \x20   issuer: \"{issuer}\"\n\
         \x20   client_id: \"{id}\"\n\
         \x20   client_secret: \"{secret}\"\n\
         \x20   scopes: [\"openid\", \"profile\", \"email\"]\n\
         \x20   user_mapping_provider:\n\
         \x20     config:\n\
         \x20       localpart_template: \"{{{{ user.preferred_username }}}}\"\n\
         \x20       display_name_template: \"{{{{ user.name }}}}\"\n\
         \x20       email_template: \"{{{{ user.email }}}}\"\n"
    )
}

fn argocd(issuer: &str, id: &str, secret: &str) -> String {
    format!(
        "# argocd-cm; the redirect URI is https://YOUR.ARGOCD/auth/callback\n\
         data:\n\
         \x20 oidc.config: |\n\
         \x20   name: Countersign\n\
         \x20   issuer: {issuer}\n\
         \x20   clientID: {id}\n\
         \x20   clientSecret: {secret}\n\
         \x20   requestedScopes: [\"openid\", \"profile\", \"email\", \"groups\"]\n\
         # argocd-rbac-cm: scopes: '[groups]'\n"
    )
}
