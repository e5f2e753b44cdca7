// `npm run preload -- FILE YYYY-MM-DD`: writes config/hsts-preload.br again, from Chromium's transport_security_state_static.json in
// FILE, as it was on that day.

import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import { preloadText } from '../helpers/preload-text.ts';

const [file, date] = process.argv.slice(2);
if (file === undefined || date === undefined || !/^\d{4}-\d\d-\d\d$/.test(date))
  throw new Error('npm run preload -- transport_security_state_static.json YYYY-MM-DD');
const text = preloadText(readFileSync(file, 'utf8'), date);
const params = {
  [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
  [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
};
const packed = brotliCompressSync(text, { params });
writeFileSync(new URL('../../config/hsts-preload.br', import.meta.url), packed);
process.stdout.write(`${text.split('\n').length - 1} names, ${packed.length} bytes\n`);
