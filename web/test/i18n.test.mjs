import test from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import en from '../js/i18n/en.js';
import ko from '../js/i18n/ko.js';
import phoneEn from '../js/i18n/phone.en.js';
import phoneKo from '../js/i18n/phone.ko.js';
import historyEn from '../js/i18n/history.en.js';
import historyKo from '../js/i18n/history.ko.js';
import consoleEn from '../js/i18n/console.en.js';
import consoleKo from '../js/i18n/console.ko.js';
import signinEn from '../js/i18n/signin.en.js';
import signinKo from '../js/i18n/signin.ko.js';
import { SECTIONS } from '../js/console/place.js';
import { FORMS } from '../js/console/body.js';
import { t, setLang, addTexts } from '../js/i18n.js';

const web = fileURLToPath(new URL('..', import.meta.url));
const PLURAL = /\.(zero|one|two|few|many|other)$/;
const base = (dictionary) => new Set(Object.keys(dictionary).map((key) => key.replace(PLURAL, '')));
const params = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join();

const PAGES = { dashboard: { en, ko }, phone: { en: phoneEn, ko: phoneKo }, signin: { en: signinEn, ko: signinKo }, history: { en: historyEn, ko: historyKo }, console: { en: consoleEn, ko: consoleKo } };

for (const [page, dictionaries] of Object.entries(PAGES)) test(`both languages have the same keys: ${page}`, () => {
  assert.deepEqual([...base(dictionaries.ko)].sort(), [...base(dictionaries.en)].sort());
});

test('no key of the phone hides one of the dashboard', () => {
  assert.deepEqual(Object.keys(phoneEn).filter((key) => key in en), []);
});

test('each language has the plural forms that it uses', () => {
  const all = { en: { ...en, ...phoneEn, ...signinEn, ...historyEn, ...consoleEn }, ko: { ...ko, ...phoneKo, ...signinKo, ...historyKo, ...consoleKo } };
  const counted = Object.keys(all.en).filter((key) => key.endsWith('.one')).map((key) => key.replace(PLURAL, ''));
  assert.ok(counted.length > 2);
  for (const [lang, dictionary] of Object.entries(all)) {
    const forms = new Intl.PluralRules(lang).resolvedOptions().pluralCategories;
    for (const key of counted) {
      for (const form of forms) assert.ok(`${key}.${form}` in dictionary, `${lang}: ${key} needs ${form}`);
    }
  }
});

test('translations use the parameters of the English text, and say something', () => {
  const english = { ...en, ...phoneEn, ...signinEn, ...historyEn, ...consoleEn };
  for (const [key, text] of Object.entries({ ...ko, ...phoneKo, ...signinKo, ...historyKo, ...consoleKo })) {
    const original = english[key] ?? english[`${key}.other`];
    assert.ok(text.trim(), key);
    assert.equal(params(text), params(original), key);
  }
});

test('every part of the console has its words', () => {
  for (const section of SECTIONS) for (const key of ['', 'none.', 'count.']) assert.ok(base(consoleEn).has(`console.${key}${section}`), `${key}${section}`);
  for (const form of FORMS) assert.ok(`console.form.${form}` in consoleEn, form);
});

test('every key that the page names exists', () => {
  const [ofDashboard, ofPhone, ofSignin, ofHistory, ofConsole] = [en, { ...en, ...phoneEn }, { ...en, ...signinEn }, { ...en, ...historyEn }, { ...en, ...consoleEn }].map(base);
  const files = readdirSync(`${web}js`, { recursive: true }).filter((f) => f.endsWith('.js')).map((f) => `${web}js/${f}`);
  for (const file of [`${web}index.html`, `${web}phone.html`, `${web}signin.html`, ...files]) {
    const known = file.includes('phone') ? ofPhone : file.includes('signin') ? ofSignin : file.includes('js/history/') ? ofHistory : file.includes('js/console/') ? ofConsole : ofDashboard;
    const source = readFileSync(file, 'utf8');
    const used = file.endsWith('.html')
      ? [...source.matchAll(/data-i18n="([^"]+)"/g), ...source.matchAll(/[\w-]+:([\w]+\.[\w.]+)(?=[ "])/g)]
      : source.matchAll(/\bt\('([\w.]+)'/g);
    for (const [, key] of used) assert.ok(known.has(key.replace(PLURAL, '')), `${file}: ${key}`);
  }
});

test('parameters and plurals', () => {
  setLang('en');
  assert.equal(t('list.count', { n: 1 }), '1 device');
  assert.equal(t('list.count', { n: 50000 }), '50,000 devices');
  assert.equal(t('alert.nobody', { id: '<b>$&</b>' }), 'No phone was listening for alerts to <b>$&</b>.');
  setLang('ko');
  assert.equal(t('list.count', { n: 1 }), '기기 1대');
  assert.equal(t('phone.link.live'), 'phone.link.live', 'what no page has added');
  addTexts({ en: phoneEn, ko: phoneKo });
  assert.equal(t('phone.link.live'), '연결됨');
});
