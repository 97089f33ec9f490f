// Opens the page that documents the API in a real browser, tries a call as a reader
// would, and fails when anything is loaded from elsewhere or goes wrong on the way.
//
//   node page.mjs <address of the server> <chromium> <picture to write>
import { chromium } from 'playwright-core';

const [site, executablePath, picture] = process.argv.slice(2);
const OPERATIONS = 83;
const CLIENT = { consumo: 'UsuarioPrueba', secret: 'strDasdakdmsadsakming' };
const LOGIN = { email: 'agente1@atencion.test', password: 'Secret123' };

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
  const faults = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    const own = url.origin === site || ['data:', 'blob:'].includes(url.protocol);
    if (!own) faults.push(`asked ${request.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`script: ${error}`));

  await page.goto(`${site}/docs/`);
  await page.locator('.opblock').nth(OPERATIONS - 1).waitFor();

  await page.locator('.auth-wrapper .authorize').first().click();
  const fields = page.locator('.auth-container');
  for (const [name, value] of [
    ['X-User-Consumo', CLIENT.consumo],
    ['X-User-Secret', CLIENT.secret],
  ]) {
    const field = fields.filter({ hasText: name });
    await field.locator('input').fill(value);
    await field.getByRole('button', { name: 'Apply credentials' }).click();
  }
  await page.locator('.modal-ux .close-modal').click();

  const login = page.locator('.opblock', {
    has: page.locator('[data-path="/api/auth/login"]'),
  });
  await login.locator('.opblock-summary').click();
  await login.getByRole('button', { name: 'Try it out' }).click();
  await login.locator('textarea.body-param__text').fill(JSON.stringify(LOGIN));
  const answered = page.waitForResponse((response) => response.url().endsWith('/auth/login'));
  await login.getByRole('button', { name: 'Execute' }).click();
  const answer = await answered;
  const body = await answer.json();
  if (answer.status() !== 200 || !body.data?.token) {
    faults.push(`the login answered ${answer.status()}: ${JSON.stringify(body)}`);
  }
  await login.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor();
  await login.scrollIntoViewIfNeeded();
  await page.screenshot({ path: picture });
  if (faults.length > 0) throw new Error(faults.join('\n'));
} finally {
  await browser.close();
}
