// The heading, from a text file that lies beside the data.

import { readFileSync } from 'node:fs';

const template = readFileSync(new URL('../../data/banner.txt', import.meta.url), 'utf8');

export const banner = (title) => template.trimEnd().replace('{title}', title);
