export const twice = (value) => 2 * value;
export const unused = 'unused';
