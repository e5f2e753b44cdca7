// The place of a document of this package on this machine, for messages that point to it. The package ships docs/ next to dist/,
// as the repository has it next to src/. Reads nothing.

import { fileURLToPath } from 'node:url';

/** `document`: a file of docs/, with its anchor where there is one: `troubleshooting.md#dns-elsewhere` → an absolute path with it. */
export const documentPath = (document: string): string => {
  const [file = '', anchor] = document.split('#');
  const path = fileURLToPath(new URL(`../../../docs/${file}`, import.meta.url));
  return anchor === undefined ? path : `${path}#${anchor}`;
};
