// Drives a real browser through signing in: `node sign_in.mjs JOURNEY`, where JOURNEY is JSON:
//   gateway      its web address
//   chromium     the browser's program
//   profile      an empty directory
//   certificate  PEM of the gateway's certificate, where it has one: the only one beyond the system's that is believed
//   screenshots  a directory, or nothing
//   steps        what to do, in order; see `steps` below
// Our own pages are used with the keyboard alone. Prints as JSON what was seen.

import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { chromium } = await import(process.env.PLAYWRIGHT);

const journey = JSON.parse(process.argv[2]);
const seen = { pages: [], urls: [], console: [], scripts: [], elsewhere: [], cookies: [] };
const ours = (url) => url.startsWith(`${journey.gateway}/`);
const TABS_MAX = 30;

// How a person signs in at each kind of provider: until its pages are over.
const providers = {
  'oidc-provider': {
    async signIn(page, { person, password }) {
      await page.fill('input[name="login"]', person);
      await page.fill('input[name="password"]', password);
      await page.click('button[type="submit"]');
      await page.waitForSelector('text=Authorize');
      await page.click('button[type="submit"]');
    },
    async signOut(page, { issuer }) {
      await page.goto(`${issuer}/session/end`);
      await this.confirmSignOut(page);
    },
    async confirmSignOut(page) {
      await page.click('button[name="logout"]');
    },
  },
  simplesamlphp: {
    // Its last page sends the response by itself.
    async signIn(page, { person, password }) {
      await page.fill('input[name="username"]', person);
      await page.fill('input[name="password"]', password);
      await page.press('input[name="password"]', 'Enter');
    },
    async signOut(page, { url }) {
      await page.goto(url);
    },
  },
  dev: {
    async signIn(page, { person, password }) {
      await page.fill('input[name="name"]', person);
      await page.fill('input[name="password"]', password);
      await page.click('button[type="submit"]');
    },
  },
};

const steps = {
  // From a link that `custos login` showed, to its last page.
  async sign_in(page, step) {
    await page.goto(step.url);
    await look(page, 'sign-in', `a[href^="/sign-in/${step.provider}"]`);
    await press(page, `a[href^="/sign-in/${step.provider}"]`);
    await page.waitForURL((url) => !ours(url.href));
    await providers[step.kind].signIn(page, step);
    await closed(page, 'signed-in');
  },
  // Signs in at the page itself.
  async sign_in_here(page, step) {
    await page.goto(`${journey.gateway}/sign-in`);
    await press(page, `a[href^="/sign-in/${step.provider}"]`);
    await page.waitForURL((url) => !ours(url.href));
    await providers[step.kind].signIn(page, step);
    await page.waitForURL(`${journey.gateway}/`);
    await look(page, `home-${step.provider}`, 'button');
  },
  // A second `custos login`, by somebody who is signed in: asked, and answered with the button of that value.
  async consent(page, { url, answer }) {
    await page.goto(url);
    await look(page, 'consent', 'button[value="yes"]');
    await press(page, `button[value="${answer}"]`);
    await closed(page, `consent-${answer}`);
  },
  async device(page, { code }) {
    await page.goto(`${journey.gateway}/device`);
    await look(page, 'device', '#user_code');
    await reach(page, '#user_code');
    await page.keyboard.type('XXXX-XXXX');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role="alert"]');
    await look(page, 'device-wrong-code', '#user_code');
    await reach(page, '#user_code');
    await page.keyboard.type(code.toLowerCase());
    await page.keyboard.press('Enter');
    await page.waitForSelector('button[value="yes"]');
    await look(page, 'device-confirm', 'button[value="no"]');
    await press(page, 'button[value="yes"]');
    await page.waitForURL('**/device/decide');
    await look(page, 'device-in');
  },
  async home(page) {
    await page.goto(`${journey.gateway}/`);
    await look(page, 'home', 'button');
  },
  async missing(page) {
    await page.goto(`${journey.gateway}/nowhere`);
    await look(page, 'not-found', 'a');
  },
  // Here, and from here at the provider, which asks once more and sends the browser back.
  async sign_out(page, step) {
    await page.goto(`${journey.gateway}/`);
    await press(page, 'form[action="/sign-out"] button');
    await page.waitForURL((url) => !ours(url.href));
    await providers[step.kind].confirmSignOut(page);
    await page.waitForURL(`${journey.gateway}/signed-out`);
    await look(page, 'signed-out', 'a');
  },
  async provider_sign_out(page, step) {
    await providers[step.kind].signOut(page, step);
    await page.waitForLoadState();
  },
};

// The command line's own last page.
async function closed(page, name) {
  await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/callback\?/);
  seen.pages.push({ name, text: await page.innerText('body') });
}

// Goes with the tabulator key to an element, as somebody without a mouse does.
async function reach(page, selector) {
  const there = () => page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
  for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
    if (await there()) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${selector} on ${page.url()} cannot be reached with the keyboard`);
}

async function press(page, selector) {
  await reach(page, selector);
  await page.keyboard.press('Enter');
}

// What one of our pages is like, in both colour schemes; `selector` gets the focus.
async function look(page, name, selector) {
  if (selector) await reach(page, selector);
  const found = { name, url: page.url(), title: await page.title(), text: await page.innerText('main') };
  found.overflows = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  found.unlabelled = await page.evaluate(() => [...document.querySelectorAll('input:not([type="hidden"])')]
    .filter((input) => input.labels.length === 0).map((input) => input.name));
  found.scripts = await page.evaluate(() => document.scripts.length + [...document.querySelectorAll('*')]
    .filter((element) => [...element.attributes].some(({ name }) => name.startsWith('on'))).length);
  found.outline = await page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    return outlineStyle === 'none' ? 0 : parseFloat(outlineWidth);
  });
  found.contrast = {};
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    found.contrast[scheme] = await page.evaluate(leastContrast);
    await photograph(page, `${name}-${scheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  found.overflowsNarrow = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  await photograph(page, `${name}-narrow`);
  await page.setViewportSize(wide);
  const jar = await page.context().cookies(journey.gateway);
  const mine = jar.filter((cookie) => cookie.name.endsWith('custos'));
  // After signing out there is none.
  if (mine.length > 0) seen.jar = mine;
  seen.script_cookies = await page.evaluate(() => document.cookie);
  seen.pages.push(found);
}

async function photograph(page, name) {
  if (journey.screenshots) await page.screenshot({ path: `${journey.screenshots}/${name}.png` });
}

// Runs in the page: WCAG 2.2, the least ratio of a text to what it stands on.
function leastContrast() {
  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const [red, green, blue] = parts(colour).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((parts(colour)[3] ?? 1) === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = [...document.querySelectorAll('body *')].map((element) => {
    if (element.matches('input:not([type="hidden"])')) return [element, getComputedStyle(element, '::placeholder').color];
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    return own ? [element, getComputedStyle(element).color] : null;
  }).filter(Boolean);
  const ratios = texts.map(([element, colour]) => {
    const [low, high] = [light(colour), light(ground(element))].sort((one, other) => one - other);
    return (high + 0.05) / (low + 0.05);
  });
  return Math.min(...ratios);
}

// Whether a script that somebody smuggled into a page would run.
async function tryToInject(page) {
  return page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'document.documentElement.dataset.ran = "yes"';
    document.head.append(script);
    document.body.insertAdjacentHTML('beforeend', '<img src="/x" onerror="document.documentElement.dataset.ran = 1">');
    return new Promise((resolve) => { setTimeout(() => resolve(document.documentElement.dataset.ran === undefined), 200); });
  });
}

const options = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
if (journey.certificate) {
  const { publicKey } = new X509Certificate(readFileSync(journey.certificate));
  const hash = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  options.push(`--ignore-certificate-errors-spki-list=${hash}`);
}
const context = await chromium.launchPersistentContext(journey.profile, {
  executablePath: journey.chromium, headless: true, args: options, viewport: { width: 900, height: 640 },
});
context.setDefaultTimeout(30_000);
try {
  // Tests stay on this machine.
  await context.route((url) => !['127.0.0.1', 'localhost'].includes(url.hostname), (route) => route.abort());
  const page = context.pages()[0] ?? await context.newPage();
  page.on('console', (message) => {
    if (ours(message.location().url)) seen.console.push(message.text());
  });
  page.on('pageerror', (error) => seen.console.push(String(error)));
  page.on('request', (request) => {
    const url = request.url();
    if (ours(url)) seen.urls.push(url);
    if (ours(url) && request.resourceType() === 'script') seen.scripts.push(url);
    // What a page of ours brings along by itself comes from us.
    if (!request.isNavigationRequest() && ours(request.frame().url()) && !ours(url)) seen.elsewhere.push(url);
  });
  page.on('response', async (response) => {
    if (!ours(response.url()) || !response.request().isNavigationRequest()) return;
    const set = (await response.headersArray()).filter(({ name }) => name.toLowerCase() === 'set-cookie');
    const { 'content-security-policy': policy } = response.headers();
    seen.cookies.push(...set.map(({ value }) => value));
    seen.policies = [...(seen.policies ?? []), { url: response.url(), status: response.status(), policy }];
  });
  for (const step of journey.steps) await steps[step.do](page, step);
  const other = await context.newPage();
  await other.goto(`${journey.gateway}/sign-in`);
  seen.injection_refused = await tryToInject(other);
} catch (error) {
  const [page] = context.pages();
  console.error(`at ${page?.url()}: ${await page?.innerText('body').catch(() => '')}`);
  throw error;
} finally {
  await context.close();
}
console.log(JSON.stringify(seen));
