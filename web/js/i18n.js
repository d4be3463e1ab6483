// The page's language. Dictionaries are flat; "{n}" in a text is a parameter, and a key with ".one" and ".other"
// is chosen by the parameter n.

import { remember, recall } from './remember.js';
import en from './i18n/en.js';
import ko from './i18n/ko.js';

const DICTIONARIES = { en, ko };
export const LANGUAGES = Object.keys(DICTIONARIES);

let current = LANGUAGES.includes(recall('lang')) ? recall('lang') : preferred();
let plurals = new Intl.PluralRules(current);
const listeners = [];

function preferred() {
  const wanted = globalThis.navigator?.languages ?? [];
  return wanted.map((tag) => tag.slice(0, 2)).find((tag) => LANGUAGES.includes(tag)) ?? 'en';
}

// addTexts adds to the dictionaries what only one page says: {en: {…}, ko: {…}}.
export function addTexts(texts) {
  for (const tag of LANGUAGES) Object.assign(DICTIONARIES[tag], texts[tag]);
}

export const lang = () => current;

export function setLang(tag) {
  current = tag;
  plurals = new Intl.PluralRules(tag);
  remember('lang', tag);
  for (const listener of listeners) listener(tag);
}

export function onLang(listener) {
  listeners.push(listener);
}

// t returns the text of a key. Parameters are put in as they are: the caller shows the result with textContent.
export function t(key, params = {}) {
  const dictionary = DICTIONARIES[current];
  const text = dictionary[key] ?? dictionary[`${key}.${plurals.select(params.n)}`] ?? dictionary[`${key}.other`];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => formatParam(params[name]));
}

// known is t of a key that something else than the page has named; '' when no text has it.
export function known(key, params) {
  const text = t(key, params);
  return text === key ? '' : text;
}

const formatParam = (value) => (typeof value === 'number' ? value.toLocaleString(current) : String(value));

// translate fills every element under root that names its text in data-i18n, and the attributes named in
// data-i18n-attr ("aria-label:key title:key").
export function translate($root) {
  const $all = $root.find('[data-i18n], [data-i18n-attr]').addBack('[data-i18n], [data-i18n-attr]');
  for (const element of $all) {
    if (element.dataset.i18n) element.textContent = t(element.dataset.i18n);
    for (const pair of (element.dataset.i18nAttr ?? '').split(' ').filter(Boolean)) {
      const [attribute, key] = pair.split(':');
      element.setAttribute(attribute, t(key));
    }
  }
}
