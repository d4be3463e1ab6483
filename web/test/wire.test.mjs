import test from 'node:test';
import assert from 'node:assert/strict';
import { setLang } from '../js/i18n.js';
import { addressOf, hexOf, parts } from '../js/wire.js';

setLang('en');

function stompFrame(text, fields, body = '') {
  const raw = Buffer.from(text);
  const bodyAt = body ? text.indexOf(body) : 0;
  return {
    protocol: 'stomp', type: text.split('\n')[0].trim(), fields, raw: raw.toString('hex'), size: raw.length, bodyAt, bodySize: Buffer.byteLength(body), text: body || null,
    meaning: '', error: '',
  };
}

const lines = (frame) => parts(frame).map(({ kind, meaning }) => `${kind}: ${meaning}`);
const whole = (frame) => assert.equal(parts(frame).map(({ bytes }) => Buffer.from(bytes).toString('hex')).join(''), frame.raw, 'every byte once, in order');

test('a STOMP frame, line by line', () => {
  const body = '{"deviceID":"BBB"}';
  const frame = stompFrame(`SEND\r\ndestination:/topic/device.BBB.location\n\n${body}\0`, [['destination', '/topic/device.BBB.location']], body);
  assert.deepEqual(lines(frame), [
    'head: SEND', 'header: destination:/topic/device.BBB.location', 'end: empty line: the headers end', `body: ${body}`, 'end: NUL: the frame ends',
  ]);
  assert.equal(addressOf(frame), '/topic/device.BBB.location');
  whole(frame);
});

test('frames without a body, heart-beats, and what is none', () => {
  whole(stompFrame('DISCONNECT\nreceipt:77\n\n\0', [['receipt', '77']]));
  const beat = { ...stompFrame('\n', []), type: 'heart-beat' };
  assert.deepEqual(lines(beat), ['head: a line’s end: a heart-beat']);
  const bad = { ...stompFrame('hello\n', []), error: 'no STOMP command' };
  assert.deepEqual(lines(bad), ['head: no STOMP command']);
});

function publish(topic, payload, { qos = 0, retain = false, version5 = true } = {}) {
  const name = Buffer.from(topic);
  const rest = Buffer.concat([
    Buffer.from([name.length >> 8, name.length & 255]), name, Buffer.from(qos ? [1, 2] : []), Buffer.from(version5 ? [0] : []), payload,
  ]);
  const raw = Buffer.concat([Buffer.from([0x30 | qos << 1 | (retain ? 1 : 0), rest.length]), rest]);
  return {
    protocol: 'mqtt', type: 'PUBLISH', fields: [['topic', topic], ['qos', String(qos)]], raw: raw.toString('hex'), size: raw.length,
    bodyAt: raw.length - payload.length, bodySize: payload.length, text: null, meaning: '', error: '',
  };
}

test('a motion, number by number', () => {
  const payload = Buffer.alloc(24);
  payload.writeDoubleBE(Math.PI / 2, 0);
  payload.writeDoubleBE(-1, 8);
  const frame = publish('/mwm/AAA/motion', payload, { retain: true });
  assert.deepEqual(lines(frame), [
    'head: PUBLISH, QoS 0, to be retained', 'head: 42 bytes follow', 'header: topic: /mwm/AAA/motion', 'header: no properties',
    'pitch: pitch: 1.5708 rad = 90°', 'roll: roll: -1.0000 rad = -57°', 'yaw: yaw: 0.0000 rad = 0°',
  ]);
  whole(frame);
});

test('other packets', () => {
  const frame = { ...publish('/mwm/AAA/alert', Buffer.from('red'), { qos: 1, version5: false }), text: 'red' };
  assert.deepEqual(lines(frame).slice(2), ['header: topic: /mwm/AAA/alert', 'header: packet identifier: 258', 'body: red']);
  whole(frame);
  const ack = { protocol: 'mqtt', type: 'PUBACK', fields: [['packet id', '258']], raw: '40020102', size: 4, bodyAt: 0, bodySize: 0, text: null, meaning: '', error: '' };
  assert.deepEqual(lines(ack), ['head: PUBACK', 'head: 2 bytes follow', 'header: packet id: 258']);
  const ping = { ...ack, type: 'PINGREQ', fields: [], raw: 'c000', size: 2 };
  assert.deepEqual(lines(ping), ['head: PINGREQ', 'head: 0 bytes follow']);
});

test('a frame of which only the beginning was kept', () => {
  const frame = stompFrame('SEND\nx:1\n\nabc', [['x', '1']], 'abc');
  Object.assign(frame, { size: 1000, bodySize: 900 });
  assert.equal(lines(frame).pop(), `end: ${1000 - 13} more bytes were not kept`);
  whole(frame);
  const short = publish('/mwm/AAA/motion', Buffer.alloc(24));
  short.raw = short.raw.slice(0, 60);
  whole(short);
});

test('bytes', () => assert.equal(hexOf([0, 255, 16]), '00 ff 10'));
