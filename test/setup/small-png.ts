// Makes a screenshot small enough for a repository: its 256 most frequent colours, each other one becomes the nearest of them, and the
// strongest compression. Reads what Chromium writes: 8 bits a channel, RGB or RGBA, not interlaced (PNG, ISO 15948).

import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const MOST_COLOURS = 256;

const chunksOf = (png: Buffer): readonly (readonly [type: string, data: Buffer])[] => {
  const chunks: [string, Buffer][] = [];
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at);
    chunks.push([png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + length)]);
    at += length + 12;
  }
  return chunks;
};

const chunk = (type: string, data: Buffer): Buffer => {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
};

/** Paeth: whichever of left, above and their corner is nearest to left + above - corner. */
const paeth = (left: number, above: number, corner: number): number => {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
};

/** Bytes of all rows without their filters (§9.2). */
const unfiltered = (
  data: Buffer,
  { rows, stride, step }: { rows: number; stride: number; step: number },
): Buffer => {
  const out = Buffer.alloc(rows * stride);
  for (let row = 0; row < rows; row += 1) {
    const filter = data[row * (stride + 1)] ?? 0;
    for (let x = 0; x < stride; x += 1) {
      const at = row * stride + x;
      const left = x >= step ? (out[at - step] ?? 0) : 0;
      const above = row > 0 ? (out[at - stride] ?? 0) : 0;
      const corner = row > 0 && x >= step ? (out[at - stride - step] ?? 0) : 0;
      const predicted = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter] ?? 0;
      out[at] = ((data[row * (stride + 1) + 1 + x] ?? 0) + predicted) & 255;
    }
  }
  return out;
};

const distance = (a: number, b: number): number =>
  [16, 8, 0].reduce((sum, shift) => sum + (((a >> shift) & 255) - ((b >> shift) & 255)) ** 2, 0);

/** The same picture as PNG with a palette. */
export const smallPng = (png: Buffer): Buffer => {
  const chunks = chunksOf(png);
  const header = chunks.find(([type]) => type === 'IHDR')?.[1] ?? Buffer.alloc(13);
  const [width, height, step] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9] === 6 ? 4 : 3];
  const data = Buffer.concat(chunks.filter(([type]) => type === 'IDAT').map(([, part]) => part));
  const bytes = unfiltered(inflateSync(data), { rows: height, stride: width * step, step });
  const counts = new Map<number, number>();
  const colours = new Uint32Array(width * height).map((_, index) => bytes.readUIntBE(index * step, 3));
  for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const palette = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, MOST_COLOURS);
  const places = new Map(palette.map(([colour], place) => [colour, place]));
  for (const colour of counts.keys()) {
    if (places.has(colour)) continue;
    let nearest = 0;
    for (const [place, [other]] of palette.entries()) {
      if (distance(colour, other) < distance(colour, palette[nearest]?.[0] ?? 0)) nearest = place;
    }
    places.set(colour, nearest);
  }
  const indexed = Buffer.alloc(height * (width + 1));
  for (const [index, colour] of colours.entries()) {
    indexed[index + Math.floor(index / width) + 1] = places.get(colour) ?? 0;
  }
  const newHeader = Buffer.from(header);
  // palette, 8 bits
  newHeader.set([8, 3], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', newHeader),
    chunk(
      'PLTE',
      Buffer.from(palette.flatMap(([colour]) => [colour >> 16, (colour >> 8) & 255, colour & 255])),
    ),
    chunk('IDAT', deflateSync(indexed, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
};
