// npm's oidc-provider (node-oidc-provider) as `cargo bench` compares it: its own in-memory adapter, a login form of ours, and the same
// password hash as Countersign's, argon2id with 19456 KiB, 2 rounds, 1 lane.
//
//     npm ci --prefix benches/peers
//     node benches/peers/oidc-provider.mjs 9300 >node.toml      # the profile; it serves until it is ended
//     benches/load/run run node.toml
//
// As with Countersign nobody is asked for consent, refresh tokens are rotated, and access tokens of client credentials are JWTs; those of
// people are opaque, which is this provider's default.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import { hash, verify } from '@node-rs/argon2';
import Provider from 'oidc-provider';

const port = Number(process.argv[2] ?? 9300);
const issuer = `http://127.0.0.1:${port}`;
const password = 'seven lamps on a quiet pier';
const secret = 'a secret that is only used on loopback';
const api = 'https://api.example.org';

const stored = await hash(password, { memoryCost: 19456, timeCost: 2, parallelism: 1 });

function signingKey(type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg };
}

function client(id, more) {
  return { client_id: id, client_secret: secret, redirect_uris: [], response_types: [], ...more };
}

const machine = { grant_types: ['client_credentials'] };

const provider = new Provider(issuer, {
  clients: [
    client('app', {
      redirect_uris: ['http://127.0.0.1:9/callback'],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
    }),
    client('machine-RS256', machine),
    client('machine-ES256', machine),
  ],
  jwks: {
    keys: [
      signingKey('rsa', { modulusLength: 2048 }, 'RS256'),
      signingKey('ec', { namedCurve: 'P-256' }, 'ES256'),
    ],
  },
  cookies: { keys: ['a key that is only used on loopback'] },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx) => (ctx.oidc.client.clientId === 'app' ? undefined : api),
      getResourceServerInfo: (ctx, resource, { clientId }) => ({
        scope: '',
        audience: resource,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: clientId.split('-')[1] } },
      }),
    },
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id, preferred_username: id, email: `${id}@example.org`, email_verified: true }),
  }),
  issueRefreshToken: (ctx, client_) => client_.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  // Nobody is asked: what the app wants is granted.
  async loadExistingGrant(ctx) {
    const { client: app, session, params } = ctx.oidc;
    const known = ctx.oidc.result?.consent?.grantId ?? session.grantIdFor(app.clientId);
    const found = known && (await ctx.oidc.provider.Grant.find(known));
    if (found) return found;
    const grant = new ctx.oidc.provider.Grant({ clientId: app.clientId, accountId: session.accountId });
    grant.addOIDCScope(params.scope);
    await grant.save();
    return grant;
  },
  ttl: { AccessToken: 600, AuthorizationCode: 60, ClientCredentials: 600, Grant: 86400, IdToken: 600, Interaction: 1800, RefreshToken: 86400, Session: 43200 },
});

const page = (uid, error) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in</title></head><body><h1>Sign in</h1><p id="error">${error}</p>
<form method="post" action="/interaction/${uid}"><label for="login">Login</label><input id="login" name="login">
<label for="password">Password</label><input id="password" name="password" type="password">
<button id="submit" type="submit">Sign in</button></form></body></html>`;

async function interaction(request, response) {
  const { uid } = await provider.interactionDetails(request, response);
  let error = '';
  if (request.method === 'POST') {
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    if (await verify(stored, form.get('password') ?? '')) {
      const result = { login: { accountId: form.get('login') } };
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
      return;
    }
    error = 'Incorrect login or password.';
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(page(uid, error));
}

const answer = provider.callback();
const server = createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    answer(request, response);
    return;
  }
  interaction(request, response).catch((error) => {
    response.writeHead(500, { 'content-type': 'text/plain' });
    response.end(String(error));
  });
});
// Connections are kept as long as they are used.
server.keepAliveTimeout = 60_000;

server.listen(port, '127.0.0.1', () => {
  process.stdout.write(`name = "node-oidc-provider"
issuer = "${issuer}"
redirect_uri = "http://127.0.0.1:9/callback"
scope = "openid profile email offline_access"
server = { pid = ${process.pid} }
app = { id = "app", secret = "${secret}" }
rs256 = { id = "machine-RS256", secret = "${secret}" }
es256 = { id = "machine-ES256", secret = "${secret}" }
people = { login = "load{n}", password = "${password}", count = 100000 }
step = [{ fields = { login = "{login}", password = "{password}" } }]
# it serves
`);
});
