//! `client recipe`: what does a developer copy into their app?

use anyhow::bail;

use crate::oidc::clients::{AuthMethod, Client};

/// The set-up of a known app, to be copied.
pub(super) fn recipe(app: &str, issuer: &str, client: &Client) -> anyhow::Result<String> {
    let id = &client.id;
    let redirect = client.metadata.redirect_uris.first().map_or("(register one)", String::as_str);
    let secret = match client.metadata.token_endpoint_auth_method {
        AuthMethod::None => "(none: a public client)",
        _ => "(the client_secret that was shown when the client was added)",
    };
    let text = match app {
        "env" => env(issuer, id, secret, redirect),
        "timetracker" | "php" => php(issuer, id, secret, redirect),
        "grafana" => grafana(issuer, id, secret),
        "gitea" => gitea(issuer, id, secret),
        "nextcloud" => nextcloud(issuer, id, secret),
        other => {
            bail!("there is no recipe for {other}: choose timetracker, php, env, grafana, gitea or nextcloud")
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
