import test from 'node:test';
import assert from 'node:assert/strict';
import { setLang } from '../js/i18n.js';
import { wording } from '../js/eventtext.js';

// Every code that the server gives (server/fleet/log.go), by kind.
const CODES = {
  online: ['location', 'motion', 'connected-stomp', 'connected-mqtt', 'more'],
  offline: ['closed-stomp', 'closed-mqtt', 'lost-stomp', 'lost-mqtt', 'silent', 'will'],
  lastwill: ['will'],
  removed: ['cleared', 'more'],
  text: ['waiting', 'delivered', 'consumed', 'expired', 'refused', 'deleted', 'more'],
  alert: ['nobody', 'listeners', 'sent', 'more'],
  payload: [
    'too-large', 'not-json', 'missing', 'wrong-type', 'out-of-range', 'wrong-device', 'wrong-size', 'not-finite', 'bad-id', 'full', 'more',
  ],
};
const params = { n: 3, color: 'red', what: 'location', member: 'lat' };

for (const lang of ['en', 'ko']) {
  test(`every event is worded: ${lang}`, () => {
    setLang(lang);
    for (const [kind, codes] of Object.entries(CODES)) {
      for (const code of codes) {
        const { title, why } = wording({ kind, code, params, detail: 'DETAIL' });
        assert.doesNotMatch(`${title} ${why}`, /DETAIL|undefined|\{|event\.|why\.|payload\./, `${kind} ${code}: ${title} / ${why}`);
        assert.ok(title);
      }
    }
  });
}

test('what the page does not know is told in the server’s words', () => {
  setLang('ko');
  assert.deepEqual(wording({ kind: 'offline', code: 'abducted', detail: 'by whom?' }).why, 'by whom?');
  assert.deepEqual(wording({ kind: 'text', code: 'eaten', detail: 'a text was eaten' }).why, 'a text was eaten');
  assert.deepEqual(wording({ kind: 'constructor', code: '', detail: '<b>' }), { title: '이벤트', why: '<b>' });
  assert.match(wording({ kind: 'alert', code: 'sent', params: { color: '<i>' } }).why, /<i>/);
});

test('what explains an event', () => {
  setLang('en');
  assert.equal(wording({ kind: 'payload', code: 'out-of-range', params }).why, 'position: lat is out of range');
  assert.equal(wording({ kind: 'alert', code: 'listeners', params: { n: 1, color: 'darkGray' } }).why, 'dark gray · 1 listener');
  assert.equal(wording({ kind: 'online', code: 'more', params: { n: 1200 } }).title, '1,200 more devices came or went');
});
