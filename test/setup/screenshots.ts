// `npm run screenshots`: the pictures of the admin page in docs/images/, of made-up domains, in both sizes and both themes.

import { writeFileSync } from 'node:fs';
import { launchBrowser } from '../helpers/browser.ts';
import { startSamplePage } from '../helpers/sample-page.ts';
import { smallPng } from './small-png.ts';

const FOLDER = new URL('../../docs/images/', import.meta.url);

const page = await startSamplePage();
const browser = await launchBrowser();
try {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      const context = await browser.newContext({
        colorScheme,
        viewport: { width, height: 844 },
        reducedMotion: 'reduce',
        // the picture is of the page as it came
        javaScriptEnabled: false,
      });
      const view = await context.newPage();
      await view.goto(page.url);
      const picture = await view.screenshot({ fullPage: true });
      writeFileSync(new URL(`page-${width}-${colorScheme}.png`, FOLDER), smallPng(picture));
      await context.close();
    }
  }
} finally {
  await browser.close();
  await page.stop();
}
