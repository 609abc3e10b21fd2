import { groupBy } from 'lodash-es';
import { z } from 'zod';
import { Level, levelOf } from './levels';

const Line = z.object({ text: z.string() });
const lines = ['error: full', 'info: begun', 'error: gone'].map((text) => Line.parse({ text }));
const grouped = groupBy(lines, (line) => Level[levelOf(line.text)]);
console.log(JSON.stringify(grouped));
