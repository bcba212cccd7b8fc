// An OpenID provider that we did not write: `node idp.mjs SETTINGS`, where SETTINGS is JSON with `port`, `client` (id,
// secret, redirect_uri, signed_out_uri, backchannel_logout_uri) and `people` (name to groups). It takes any password for
// a name that it knows. Keys and everything else are made anew at each start. Prints `ready`, and `refreshed` whenever a
// refresh token was used.

import { generateKeyPairSync, randomBytes } from 'node:crypto';

// The package is installed beside the copy of its package.json, not here.
const { Provider } = await import(process.env.OIDC_PROVIDER);

const { port, client, people } = JSON.parse(process.argv[2]);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(8).toString('hex'), use: 'sig', alg: 'RS256' };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: [key] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  clients: [{
    client_id: client.id,
    client_secret: client.secret,
    client_name: 'Custos',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [client.redirect_uri],
    post_logout_redirect_uris: [client.signed_out_uri],
    backchannel_logout_uri: client.backchannel_logout_uri,
    backchannel_logout_session_required: true,
  }],
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'profile', 'groups'],
  claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
  // Without this, groups would stand in the userinfo answer and not in the identity token.
  conformIdTokenClaims: false,
  issueRefreshToken: async (_context, asking) => asking.grantTypeAllowed('refresh_token'),
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
  },
  // It refuses to call loopback addresses, which is where the gateway of a test is.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  findAccount: (_context, name) => people[name] && {
    accountId: name,
    claims: () => ({ sub: name, preferred_username: name, groups: people[name] }),
  },
});
provider.on('server_error', (_context, error) => console.error(error));
provider.on('backchannel.error', (_context, error) => console.error('back-channel logout', error));
provider.on('grant.success', ({ oidc }) => {
  if (oidc.params.grant_type === 'refresh_token') console.log('refreshed');
});
provider.listen(port, '127.0.0.1', () => console.log('ready'));
