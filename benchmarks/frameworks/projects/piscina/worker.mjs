import { range, sum } from 'lodash-es';
import { z } from 'zod';

const Task = z.object({ count: z.number() });

export default (task) => sum(range(Task.parse(task).count));
