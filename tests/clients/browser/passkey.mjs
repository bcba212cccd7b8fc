// Makes passkeys in a real browser, with a virtual authenticator, and signs with them: `node passkey.mjs REQUEST`, where
// REQUEST is JSON:
//   chromium    the browser's program
//   profile     an empty directory
//   algorithms  COSE numbers; one passkey is made with each
//   challenges  base64url; each passkey signs each
// Prints JSON: `rp_id`, `origin` and `passkeys`, a list of
//   algorithm, credential_id, spki   as `getPublicKeyAlgorithm()`, `rawId` and `getPublicKey()` say
//   assertions                       of `challenges`, as `toJSON()` writes them
//   unverified                       an assertion where the page did not ask for its user to be verified, who was not
//   framed                           one that was made in a frame of a page of another site
//   refused                          the error where the page asked and the user was not verified

import { createServer } from 'node:http';

const { chromium } = await import(process.env.PLAYWRIGHT);

const request = JSON.parse(process.argv[2]);

// `/frame` holds the page itself, under another name of this host.
const server = createServer((incoming, answer) => {
  answer.setHeader('content-type', 'text/html');
  const inside = `<iframe src="${origin}/" allow="publickey-credentials-get *"></iframe>`;
  answer.end(`<!doctype html><title>Passkeys</title>${incoming.url === '/frame' ? inside : ''}`);
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const { port } = server.address();
const origin = `http://localhost:${port}`;

const make = async (algorithm) => {
  const bytes = (length) => crypto.getRandomValues(new Uint8Array(length));
  const { rawId, response } = await navigator.credentials.create({ publicKey: {
    rp: { id: 'localhost', name: 'Custos' },
    user: { id: bytes(16), name: 'bob', displayName: 'Bob' },
    challenge: bytes(32),
    pubKeyCredParams: [{ type: 'public-key', alg: algorithm }],
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    attestation: 'none',
  } });
  const text = (buffer) => new Uint8Array(buffer).toBase64({ alphabet: 'base64url', omitPadding: true });
  return {
    algorithm: response.getPublicKeyAlgorithm(), credential_id: text(rawId), spki: text(response.getPublicKey()),
  };
};

const sign = async ({ id, challenge, userVerification }) => {
  const from = (text) => Uint8Array.fromBase64(text, { alphabet: 'base64url' });
  try {
    const credential = await navigator.credentials.get({ publicKey: {
      challenge: from(challenge), rpId: 'localhost', userVerification, timeout: 10_000,
      allowCredentials: [{ type: 'public-key', id: from(id) }],
    } });
    return credential.toJSON();
  } catch (error) {
    return { error: error.name };
  }
};

const context = await chromium.launchPersistentContext(request.profile, {
  executablePath: request.chromium, headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
context.setDefaultTimeout(30_000);
const passkeys = [];
try {
  const page = context.pages()[0] ?? await context.newPage();
  await page.goto(origin);
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true,
  } });
  const verified = (isUserVerified) => devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
  for (const algorithm of request.algorithms) {
    await verified(true);
    await page.goto(origin);
    const passkey = await page.evaluate(make, algorithm);
    const id = passkey.credential_id;
    passkey.assertions = [];
    for (const challenge of request.challenges) {
      passkey.assertions.push(await page.evaluate(sign, { id, challenge, userVerification: 'required' }));
    }
    const [challenge] = request.challenges;
    await page.goto(`http://127.0.0.1:${port}/frame`);
    const frame = page.frames().find((frame) => frame.url() === `${origin}/`);
    passkey.framed = await frame.evaluate(sign, { id, challenge, userVerification: 'required' });
    await page.goto(origin);
    await verified(false);
    passkey.unverified = await page.evaluate(sign, { id, challenge, userVerification: 'discouraged' });
    passkey.refused = (await page.evaluate(sign, { id, challenge, userVerification: 'required' })).error;
    passkeys.push(passkey);
  }
} finally {
  await context.close();
  server.close();
}
console.log(JSON.stringify({ rp_id: 'localhost', origin, passkeys }));
