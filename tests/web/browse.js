// SPDX-License-Identifier: MIT
// usage: node browse.js PAGE.html [DIRECTORY NAME]
//
// Opens a report in a headless Chromium that can reach nothing, and prints as JSON what is in it and what it did:
// errors and requests, charts, tables, what a click on a legend does, how wide it is at several widths. With a
// DIRECTORY it takes pictures of it in light and dark. $CHROMIUM names the browser.
//
// Chromium is driven by its DevTools protocol over a pair of pipes (--remote-debugging-pipe: JSON texts, each ended by
// a NUL byte; https://chromedevtools.github.io/devtools-protocol), which needs neither a port nor a package.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const WIDTHS = [360, 800, 1600];
const HEIGHT = 900;
const PICTURE_HEIGHT_MAX = 12000; // a longer page is cut

function browserStart(profile) {
  const child = spawn(process.env.CHROMIUM || 'chromium', [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars',
    '--host-resolver-rules=MAP * ~NOTFOUND', `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const waiting = new Map();
  const listeners = [];
  let text = '';
  let last = 0;
  child.stdio[4].setEncoding('utf8');
  child.stdio[4].on('data', (chunk) => {
    const messages = (text + chunk).split('\0');
    text = messages.pop();
    for (const message of messages.map((one) => JSON.parse(one))) {
      const call = waiting.get(message.id);
      waiting.delete(message.id);
      if (!call)
        listeners.forEach((listener) => listener(message));
      else if (message.error)
        call.reject(new Error(`${call.method}: ${message.error.message}`));
      else
        call.resolve(message.result);
    }
  });
  const send = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, { resolve, reject, method });
    child.stdio[3].write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
  });
  const ended = new Promise((resolve) => {
    child.on('exit', (code) => {
      waiting.forEach((call) => call.reject(new Error(`the browser ended with status ${code}`)));
      resolve();
    });
  });
  return { send, listen: (listener) => listeners.push(listener), ended };
}

// What follows runs in the page.

function factsCollect() {
  const text = (element) => element.textContent.trim();
  const rows = (table) => [...table.tBodies[0].rows].map((row) => [...row.cells].map(text));
  const heads = (table) => [...table.tHead.rows[0].cells].map(text);
  const plots = (figure) => window.Chart && window.Chart.getChart(figure.querySelector('canvas'));
  return {
    title: document.title,
    sections: [...document.querySelectorAll('section')].map((section) => section.id),
    warnings: [...document.querySelectorAll('.warnings li')].map(text),
    answers: [...document.querySelectorAll('#answer dd')].map(text),
    facts: [...document.querySelectorAll('.facts dd')].map(text),
    commands: [...document.querySelectorAll('.commands td')].map(text),
    environment: rows(document.querySelector('table.environment')),
    noCharts: Boolean(document.getElementById('no-charts')),
    results: [...document.querySelectorAll('table.results')].map((table) => ({ heads: heads(table), rows: rows(table) })),
    figures: [...document.querySelectorAll('figure')].map((figure) => {
      const chart = plots(figure);
      return {
        chart: figure.dataset.chart,
        scenarios: figure.dataset.scenarios.split(',').map(Number),
        title: text(figure.querySelector('figcaption')),
        drawn: Boolean(chart),
        legend: [...figure.querySelectorAll('.legend button')].map(text),
        axes: chart ? Object.values(chart.options.scales).map((scale) => scale.title && scale.title.text) : [],
        data: chart ? chart.data.datasets.map((dataset) => ({ label: dataset.label, data: dataset.data })) : [],
        heads: heads(figure.querySelector('table')),
        rows: rows(figure.querySelector('table')),
      };
    }),
  };
}

function legendClick() {
  const figure = document.querySelector('figure .legend').closest('figure');
  const chart = window.Chart.getChart(figure.querySelector('canvas'));
  const entry = figure.querySelector('.legend button');
  const seen = [[chart.isDatasetVisible(0), entry.getAttribute('aria-pressed')]];
  for (let click = 0; click < 2; click += 1) {
    entry.click();
    seen.push([chart.isDatasetVisible(0), entry.getAttribute('aria-pressed')]);
  }
  return seen;
}

// Elements that stick out of the page, and the page's width.
function widthMeasure() {
  const width = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll('main *, header *')].filter((element) =>
    !element.closest('.scroll *') && element.getBoundingClientRect().right > width + 1);
  return {
    page: document.documentElement.scrollWidth,
    out: out.slice(0, 5).map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`),
  };
}

async function pageBrowse(browser, url, pictures) {
  const { targetInfos } = await browser.send('Target.getTargets');
  const { targetId } = targetInfos.find((target) => target.type === 'page');
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
  const send = (method, params) => browser.send(method, params, sessionId);
  const run = async (code, ...args) => {
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression: `(${code})(...${JSON.stringify(args)})`, returnByValue: true, awaitPromise: true,
    });
    if (exceptionDetails)
      throw new Error(exceptionDetails.exception ? exceptionDetails.exception.description : exceptionDetails.text);
    return result.value;
  };
  const errors = [];
  const requests = [];
  let loaded;
  const load = new Promise((resolve) => {
    loaded = resolve;
  });
  browser.listen(({ method, params }) => {
    if (method === 'Runtime.exceptionThrown')
      errors.push(params.exceptionDetails.exception ? params.exceptionDetails.exception.description : params.exceptionDetails.text);
    else if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level))
      errors.push(params.entry.text);
    else if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type))
      errors.push(params.args.map((arg) => arg.value).join(' '));
    else if (method === 'Network.requestWillBeSent')
      requests.push(params.request.url);
    else if (method === 'Page.loadEventFired')
      loaded();
  });
  const screen = (width, height) => send('Emulation.setDeviceMetricsOverride', {
    width, height, deviceScaleFactor: 1, mobile: false,
  });
  const scheme = (value) => send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });
  // Three frames and a moment: the page learns of a new size after a frame, and the charts follow.
  const settle = () => run('async () => { for (let i = 0; i < 3; i += 1) await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60))); }');
  const drawAll = async () => {
    await run(`async () => { for (const figure of document.querySelectorAll('figure')) { figure.scrollIntoView(); await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 15))); } window.scrollTo(0, 0); }`);
    await settle();
  };

  // Clicks on the link to the raw data, and reads what was downloaded.
  const download = async () => {
    const downloadPath = fs.mkdtempSync(path.join(os.tmpdir(), 'download-'));
    await browser.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath, eventsEnabled: true });
    const done = new Promise((resolve) => {
      browser.listen(({ method, params }) => {
        if (method === 'Browser.downloadProgress' && params.state !== 'inProgress')
          resolve(params.state);
      });
      setTimeout(() => resolve('nothing came'), 10000);
    });
    const visible = await run('() => { const link = document.querySelector("#raw a"); link.click(); return link.getClientRects().length > 0; }');
    const state = await done;
    const [name] = fs.readdirSync(downloadPath);
    const data = name ? JSON.parse(fs.readFileSync(path.join(downloadPath, name), 'utf8')) : null;
    fs.rmSync(downloadPath, { recursive: true });
    return { visible, state, name, data };
  };

  for (const domain of ['Page', 'Runtime', 'Log', 'Network'])
    await send(`${domain}.enable`);
  await scheme('light');
  await screen(1600, HEIGHT);
  await send('Page.navigate', { url });
  await load;
  await settle();
  const drawnAtOnce = await run('() => document.querySelectorAll("canvas").length');
  await drawAll();
  const facts = await run(factsCollect.toString());
  facts.drawnAtOnce = drawnAtOnce;
  facts.download = await download();
  facts.legendClick = facts.figures.some((figure) => figure.drawn) ? await run(legendClick.toString()) : null;
  facts.widths = {};
  for (const width of WIDTHS) {
    await screen(width, HEIGHT);
    await drawAll();
    facts.widths[width] = await run(widthMeasure.toString());
    for (const value of pictures ? ['light', 'dark'] : []) {
      await scheme(value);
      await settle();
      const height = Math.min(PICTURE_HEIGHT_MAX, await run('() => document.documentElement.scrollHeight'));
      const { data } = await send('Page.captureScreenshot', {
        format: 'png', captureBeyondViewport: true, clip: { x: 0, y: 0, width, height, scale: 1 },
      });
      fs.writeFileSync(path.join(pictures.directory, `${pictures.name}-${width}-${value}.png`), data, 'base64');
    }
    await scheme('light');
  }
  if (pictures) {
    const { data } = await send('Page.printToPDF', { printBackground: true, paperWidth: 8.27, paperHeight: 11.69 });
    fs.writeFileSync(path.join(pictures.directory, `${pictures.name}.pdf`), data, 'base64');
  }
  return { ...facts, errors, requests };
}

async function main() {
  const [page, directory, name] = process.argv.slice(2);
  if (!page || (directory && !name)) {
    process.stderr.write('usage: node browse.js PAGE.html [DIRECTORY NAME]\n');
    process.exit(2);
  }
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'browse-'));
  const browser = browserStart(profile);
  const url = pathToFileURL(path.resolve(page)).href;
  try {
    const facts = await pageBrowse(browser, url, directory ? { directory, name } : null);
    facts.requests = facts.requests.filter((request) => request !== url);
    process.stdout.write(`${JSON.stringify(facts)}\n`);
  } finally {
    await browser.send('Browser.close').catch(() => {});
    await browser.ended;
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

main().catch((error) => {
  process.stderr.write(`browse.js: ${error.message}\n`);
  process.exit(1);
});
