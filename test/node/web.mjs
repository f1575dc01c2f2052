// Runs web/page.mjs in a headless Chromium: node web.mjs HOST PORT. The page is of another origin than hearth, so the
// browser asks hearth what it may do.
import {createServer} from 'node:http';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {build} from 'esbuild';
import {chromium} from 'playwright-core';

const [host, port] = process.argv.slice(2);
const bundle = await build({
  entryPoints: [new URL('web/page.mjs', import.meta.url).pathname],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'browser',
  define: {'process.env': '{}', global: 'globalThis'},
  logLevel: 'error',
});
const pages = createServer((request, response) => {
  const script = request.url.startsWith('/page.js');
  response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
  response.end(script ? bundle.outputFiles[0].text : '<!doctype html><script type="module" src="/page.js"></script>');
});
await new Promise((ready) => pages.listen(0, '127.0.0.1', ready));

const profile = await mkdtemp(join(tmpdir(), 'hearth-chromium-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
try {
  const page = await browser.newPage();
  const broken = new Promise((_, reject) => page.on('pageerror', reject));
  page.on('console', (message) => message.type() === 'error' && console.error(message.text()));
  await page.goto(`http://127.0.0.1:${pages.address().port}/?hostname=${host}&port=${port}`);
  const done = page.waitForFunction(() => window.result, null, {timeout: 120_000}).then((r) => r.jsonValue());
  const result = await Promise.race([done, broken]);
  if (result.error) throw new Error(result.error);
  console.log(`${result.checks} checks`);
} finally {
  await browser.close();
  pages.close();
  await rm(profile, {recursive: true, force: true});
}
