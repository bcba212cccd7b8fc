// Makes a passkey in a real browser, on a page of a gateway, and signs with it for as long as it is asked:
// `node passkey_held.mjs REQUEST`, where REQUEST is JSON:
//   chromium   the browser's program
//   profile    an empty directory
//   gateway    a web address at `localhost`
//   algorithm  the COSE number
// Prints a line of JSON with `credential_id`, `spki`, `algorithm`, `rp_id` and `origin`. Then, for each line that it
// reads, a challenge in base64url, one with the assertion, as `toJSON()` writes it. Ends at the end of its input.

import { createInterface } from 'node:readline';

import { authenticator, launch, make, sign } from './passkey_page.mjs';

const { chromium } = await import(process.env.PLAYWRIGHT);

const request = JSON.parse(process.argv[2]);
const say = (what) => console.log(JSON.stringify(what));

const context = await launch(chromium, request);
try {
  const page = context.pages()[0] ?? await context.newPage();
  await page.goto(request.gateway);
  await authenticator(context, page);
  const passkey = await page.evaluate(make, request.algorithm);
  say({ ...passkey, rp_id: 'localhost', origin: new URL(request.gateway).origin });
  const id = passkey.credential_id;
  for await (const challenge of createInterface({ input: process.stdin })) {
    say(await page.evaluate(sign, { id, challenge, userVerification: 'required' }));
  }
} finally {
  await context.close();
}
