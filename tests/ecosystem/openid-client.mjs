// Does openid-client, a certified relying party, find here what it expects? One line for each thing that it has done.
//
//   node openid-client.mjs SITE.json     what `cargo run --example conformance-site` has written

import { readFileSync } from 'node:fs';
import * as client from 'openid-client';

const site = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = new URL(site.issuer);

/** A browser without a screen: it keeps cookies, follows redirects, and fills the forms that it meets. */
class Browser {
  cookies = new Map();

  async go(url, body) {
    for (let hops = 0; hops < 20; hops += 1) {
      const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const headers = { cookie, ...(body && { origin: issuer.origin }) };
      const answer = await fetch(url, { method: body ? 'POST' : 'GET', body, headers, redirect: 'manual' });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        this.cookies.set(name, value);
      }
      const location = answer.headers.get('location');
      if (!location) return { url, status: answer.status, html: await answer.text() };
      url = new URL(location, url);
      body = undefined;
      if (url.origin !== issuer.origin) return { url };
    }
    throw new Error('twenty redirects, and no end');
  }

  /** Sends the form that holds the main button. */
  submit(page, fields) {
    const form = page.html.split('<form').slice(1).find((text) => text.includes('id="submit"'));
    if (!form) throw new Error(`no form at ${page.url}: ${page.html}`);
    const action = new URL(plain(/action="([^"]*)"/.exec(form)[1]), page.url);
    const data = new URLSearchParams();
    for (const [tag] of form.split('</form>')[0].matchAll(/<(input|button)[^>]*>/g)) {
      const name = /name="([^"]*)"/.exec(tag)?.[1];
      if (name && !(tag.startsWith('<button') && !tag.includes('id="submit"'))) {
        data.set(name, fields[name] ?? plain(/value="([^"]*)"/.exec(tag)?.[1] ?? ''));
      }
    }
    return this.go(action, data);
  }

  /** Signs in, and allows what is asked for. */
  async signIn(url) {
    let page = await this.go(url);
    for (let forms = 0; page.html && forms < 5; forms += 1) {
      if (!page.html.includes('id="submit"')) return page;
      page = await this.submit(page, { login: site.user.login, password: site.user.password });
    }
    return page;
  }
}

/** What an attribute of a page means. */
const plain = (text) =>
  text.replace(/&#x([0-9a-f]+);/g, (_, hex) => String.fromCodePoint(parseInt(hex, 16)))
    .replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

const key = (jwk) => crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);

async function discover(which, authentication) {
  const { client_id, client_secret } = site.clients[which];
  return client.discovery(issuer, client_id, undefined, authentication ?? client.ClientSecretBasic(client_secret));
}

async function privateKey(which) {
  const jwk = site.clients[which].jwks.keys[0];
  return { key: await key(jwk), kid: jwk.kid };
}

/** One code flow from the redirect to the tokens. */
async function codeFlow(config, which, { build = client.buildAuthorizationUrl, extra = {}, dpop, browser } = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() };
  const url = await build(config, {
    redirect_uri: site.clients[which].redirect_uri,
    scope: 'openid profile email offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    prompt: 'consent',
    ...extra,
  });
  const { url: arrived } = await (browser ?? new Browser()).signIn(url);
  return client.authorizationCodeGrant(config, arrived, checks, undefined, dpop && { DPoP: dpop });
}

const stories = {
  async 'code flow with PKCE, UserInfo, refresh, introspection, revocation, logout'() {
    const config = await discover('basic');
    const browser = new Browser();
    const tokens = await codeFlow(config, 'basic', { browser });
    const { sub } = tokens.claims();
    const about = await client.fetchUserInfo(config, tokens.access_token, sub);
    same(about.preferred_username, site.user.login);
    const again = await client.refreshTokenGrant(config, tokens.refresh_token);
    same(again.claims().sub, sub);
    same((await client.tokenIntrospection(config, again.access_token)).active, true);
    const hint = { id_token_hint: again.id_token, post_logout_redirect_uri: site.clients.basic.post_logout_redirect_uri };
    const { url: gone } = await browser.go(client.buildEndSessionUrl(config, hint));
    same(gone.origin + gone.pathname, site.clients.basic.post_logout_redirect_uri);
    await client.tokenRevocation(config, again.refresh_token);
    same((await client.tokenIntrospection(config, again.access_token)).active, false);
    await refused(client.fetchUserInfo(config, again.access_token, sub));
  },

  async 'client_secret_post and client_secret_jwt'() {
    const { client_secret } = site.clients.post;
    await codeFlow(await discover('post', client.ClientSecretPost(client_secret)), 'post');
    const keyed = site.clients.secret_jwt.client_secret;
    await codeFlow(await discover('secret_jwt', client.ClientSecretJwt(keyed)), 'secret_jwt');
  },

  async 'client credentials'() {
    const config = await discover('basic');
    same((await client.clientCredentialsGrant(config)).token_type, 'bearer');
  },

  async 'pushed authorization request'() {
    const config = await discover('basic');
    await codeFlow(config, 'basic', { build: client.buildAuthorizationUrlWithPAR });
  },

  async 'private_key_jwt, signed request'() {
    const own = await privateKey('private_key_jwt');
    const config = await discover('private_key_jwt', client.PrivateKeyJwt(own));
    await codeFlow(config, 'private_key_jwt');
    const build = (config, parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, own);
    await codeFlow(config, 'private_key_jwt', { build });
  },

  async 'answers as JWTs'() {
    const config = await discover('basic');
    client.useJwtResponseMode(config);
    await codeFlow(config, 'basic');
  },

  async 'FAPI 2.0: pushed, private_key_jwt, DPoP, UserInfo and refresh'() {
    const own = await privateKey('fapi');
    const config = await discover('fapi', client.PrivateKeyJwt(own));
    const dpop = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    const build = (config, parameters) => client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP: dpop });
    const tokens = await codeFlow(config, 'fapi', { build, dpop });
    same(tokens.token_type, 'dpop');
    await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP: dpop });
    await refused(client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub));
    same((await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: dpop })).token_type, 'dpop');
  },

  async 'device flow'() {
    const config = await discover('device', client.None());
    const asked = await client.initiateDeviceAuthorization(config, { scope: 'openid' });
    const polling = client.pollDeviceAuthorizationGrant(config, asked);
    const browser = new Browser();
    const page = await browser.signIn(asked.verification_uri_complete);
    same(page.status, 200);
    same((await polling).token_type, 'bearer');
  },

  async 'dynamic registration'() {
    const wanted = {
      client_name: 'Registered by openid-client',
      redirect_uris: [site.clients.basic.redirect_uri],
      token_endpoint_auth_method: 'client_secret_basic',
    };
    const config = await client.dynamicClientRegistration(issuer, wanted, client.ClientSecretBasic());
    const { client_id } = config.clientMetadata();
    site.clients[client_id] = { redirect_uri: site.clients.basic.redirect_uri };
    await codeFlow(config, client_id, { extra: { scope: 'openid' } });
  },
};

function same(left, right) {
  if (left !== right) throw new Error(`${JSON.stringify(left)} is not ${JSON.stringify(right)}`);
}

async function refused(promise) {
  const answered = await promise.then(() => true, () => false);
  if (answered) throw new Error('what had to be refused was answered');
}

let failed = 0;
for (const [name, story] of Object.entries(stories)) {
  try {
    await story();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack}`, error.cause ?? '');
  }
}
process.exit(failed ? 1 : 0);
