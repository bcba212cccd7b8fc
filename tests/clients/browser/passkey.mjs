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

import { authenticator, launch, make, sign } from './passkey_page.mjs';

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

const context = await launch(chromium, request);
const passkeys = [];
try {
  const page = context.pages()[0] ?? await context.newPage();
  await page.goto(origin);
  const verified = await authenticator(context, page);
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
