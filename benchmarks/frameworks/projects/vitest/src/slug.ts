import { deburr, kebabCase } from 'lodash-es';

export const slug = (title: string): string => kebabCase(deburr(title));
