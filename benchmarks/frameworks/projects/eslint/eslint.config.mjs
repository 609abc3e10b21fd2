import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import jsdoc from 'eslint-plugin-jsdoc';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import n from 'eslint-plugin-n';
import perfectionist from 'eslint-plugin-perfectionist';
import promise from 'eslint-plugin-promise';
import react from 'eslint-plugin-react';
import reactHooks from 'eslint-plugin-react-hooks';
import * as regexp from 'eslint-plugin-regexp';
import unicorn from 'eslint-plugin-unicorn';

export default [
  js.configs.recommended,
  importX.flatConfigs.recommended,
  jsdoc.configs['flat/recommended'],
  jsxA11y.flatConfigs.recommended,
  n.configs['flat/recommended'],
  perfectionist.configs['recommended-natural'],
  promise.configs['flat/recommended'],
  { ...react.configs.flat.recommended, settings: { react: { version: '19.0' } } },
  reactHooks.configs.flat.recommended,
  regexp.configs['flat/recommended'],
  unicorn.configs.recommended,
  { languageOptions: { sourceType: 'module' } },
];
